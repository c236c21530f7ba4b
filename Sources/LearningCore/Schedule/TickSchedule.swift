/// Decides what a worker does next; the worker does it, tells the schedule what it cost, and asks again.
///
/// Time is an argument: microseconds of any clock, which may even be set back.  As long as every action is
/// carried out, a round ends in `sleep`: synchronising, draining, pruning and distilling set their own stamps, judging
/// makes `judged` catch up, and each label takes from a budget that only time refills.
public struct TickSchedule: Sendable {
  public enum Action: Equatable, Sendable {
    /// Nothing to do before `until`, or until somebody asks for attention.
    case sleep(until: Int64)
    /// Re-read tables, indexes and options; publish.
    case sync
    /// Move records from the ring into the tables.
    case drain
    /// Judge the evidence of a class.
    case judge(Int)
    /// Take one label for a class.
    case label(Int)
    /// Enforce retention.
    case prune
    /// Turn what is new into patterns.
    case distil
  }

  /// One class of k of one index.
  public struct ClassFacts: Sendable {
    /// Recorded queries that could be labelled.
    public var candidates: Int
    /// Labels in the present evidence.
    public var labels: Int
    /// Labels that the last verdict saw, nil before the first.
    public var judged: Int?
    /// Labels below which no verdict is asked for.
    public var minSamples: Int
    /// Labels that somebody is waiting for and that can be taken.
    public var urgent: Int

    public init(candidates: Int, labels: Int, judged: Int?, minSamples: Int, urgent: Int = 0) {
      self.candidates = candidates
      self.labels = labels
      self.judged = judged
      self.minSamples = minSamples
      self.urgent = urgent
    }

    /// Whether the evidence changed by a tenth since the last verdict; where nothing is left to label, by a thirtieth.
    var isDueForVerdict: Bool {
      guard labels >= max(1, minSamples) else { return false }
      guard let judged else { return true }
      return abs(labels - judged) >= max(1, labels / (candidates > 0 ? 10 : 30))
    }
  }

  /// The world as the worker sees it now.
  public struct Facts: Sendable {
    public var now: Int64
    /// Between two synchronisations, in microseconds.
    public var interval: Int64
    /// Between two distillations, in microseconds.
    public var distillation: Int64
    /// Share of one core that labelling may use, 0...1.
    public var labelBudget: Double
    /// Somebody asked for attention; true once only for each time.
    public var isWoken: Bool
    /// The ring holds records.
    public var isWaiting: Bool
    public var classes: [ClassFacts]

    public init(
      now: Int64, interval: Int64, distillation: Int64, labelBudget: Double, isWoken: Bool, isWaiting: Bool,
      classes: [ClassFacts]
    ) {
      self.now = now
      self.interval = min(max(interval, TickSchedule.shortestSleep), TickSchedule.longestInterval)
      self.distillation = min(max(distillation, self.interval), TickSchedule.longestInterval)
      self.labelBudget = labelBudget > 0 ? min(labelBudget, 1) : 0
      self.isWoken = isWoken
      self.isWaiting = isWaiting
      self.classes = classes
    }
  }

  /// The stamps of the last time of each action, and until when the balance has been reckoned.
  public struct Stamps: Equatable, Sendable {
    public var reckoned: Int64
    public var sync: Int64
    public var drain: Int64
    public var prune: Int64
    public var distil: Int64

    public init(reckoned: Int64, sync: Int64, drain: Int64, prune: Int64, distil: Int64) {
      self.reckoned = reckoned
      self.sync = sync
      self.drain = drain
      self.prune = prune
      self.distil = distil
    }

    fileprivate mutating func end(_ action: Action, at now: Int64) {
      switch action {
      case .sync: sync = now
      case .drain: drain = now
      case .prune: prune = now
      case .distil: distil = now
      case .sleep, .judge, .label: break
      }
    }
  }

  /// nil before the first call.
  public private(set) var stamps: Stamps?
  /// Labelling time that may still be spent, in microseconds; a label may overdraw it.
  public private(set) var balance: Double
  /// What was answered last; nil before the first call.
  public private(set) var began: Action?

  private static let shortestSleep: Int64 = 1_000
  private static let longestInterval: Int64 = 366 * 86_400 * 1_000_000
  private static let intervalsToPrune: Int64 = 10
  /// The budget may be saved up for so long, in microseconds.
  private static let savings = 60e6
  /// What a label costs at least, charged when it is handed out, so that labels that fail end as well.
  private static let leastCharge = 100.0

  public init(stamps: Stamps? = nil, balance: Double = 0, began: Action? = nil) {
    self.stamps = stamps
    self.began = began
    self.balance = balance.isFinite ? balance : 0
  }

  /// The next thing to do: whatever is due of sync, drain, prune, judge, urgent labels, distil and label, in this order.
  public mutating func next(_ facts: Facts) -> Action {
    let action = action(facts)
    began = action
    return action
  }

  private mutating func action(_ facts: Facts) -> Action {
    guard var last = reckoned(facts) else {
      // A first drain follows the first sync; there is nothing to prune yet.
      stamps = Stamps(reckoned: facts.now, sync: facts.now, drain: facts.now &- 1, prune: facts.now, distil: facts.now)
      return .sync
    }
    defer { stamps = last }
    if facts.isWoken || facts.now &- last.sync >= facts.interval {
      last.sync = facts.now
      return .sync
    }
    // A drain follows each sync, so that whoever wakes the worker finds his records in the tables.
    if facts.isWaiting && (last.drain < last.sync || facts.now &- last.drain >= facts.interval) {
      last.drain = facts.now
      return .drain
    }
    // By time alone: rows also come from clients that record by themselves.
    let pruning = Self.intervalsToPrune * facts.interval
    if facts.now &- last.prune >= pruning {
      last.prune = facts.now
      return .prune
    }
    if let due = facts.classes.firstIndex(where: { $0.isDueForVerdict }) { return .judge(due) }
    // Not from the budget: somebody asked for it.
    if let urgent = facts.classes.firstIndex(where: { $0.urgent > 0 }) { return .label(urgent) }
    if facts.now &- last.distil >= facts.distillation {
      last.distil = facts.now
      return .distil
    }
    // Of spans, not of times: those of a clock may lie about where its numbers end.
    func left(_ span: Int64, since stamp: Int64) -> Int64 { stamp &+ span &- facts.now }
    var wait = min(
      left(facts.interval, since: last.sync), left(pruning, since: last.prune),
      left(facts.distillation, since: last.distil))
    if facts.labelBudget > 0, let neediest = Self.neediest(facts.classes) {
      if balance >= 0 {
        balance -= Self.leastCharge
        return .label(neediest)
      }
      wait = min(wait, Int64(min((-balance / facts.labelBudget).rounded(.up), Double(facts.interval))))
    }
    return .sleep(until: facts.now &+ min(max(wait, Self.shortestSleep), facts.interval))
  }

  /// Takes the cost of a label from the budget.
  ///
  /// - Parameter spent: microseconds; what is no cost counts as none.
  public mutating func charge(_ spent: Double) {
    guard spent.isFinite, spent > Self.leastCharge else { return }
    balance -= spent - Self.leastCharge
  }

  /// Brings the balance up to date and the stamps in step with a clock that was set back, and counts what was handed
  /// out last from its end: an action that takes longer than its interval must leave the others a turn.
  private mutating func reckoned(_ facts: Facts) -> Stamps? {
    guard var stamps else { return nil }
    let elapsed = facts.now &- stamps.reckoned
    if elapsed < 0 {
      stamps.sync &+= elapsed
      stamps.drain &+= elapsed
      stamps.prune &+= elapsed
      stamps.distil &+= elapsed
    } else {
      balance += facts.labelBudget * Double(elapsed)
      if let began, elapsed > 0 { stamps.end(began, at: facts.now) }
    }
    balance = min(balance, facts.labelBudget * Self.savings)
    stamps.reckoned = facts.now
    return stamps
  }

  /// The class with the fewest labels that has something to label.
  private static func neediest(_ classes: [ClassFacts]) -> Int? {
    classes.indices.filter { classes[$0].candidates > 0 }.min { classes[$0].labels < classes[$1].labels }
  }
}
