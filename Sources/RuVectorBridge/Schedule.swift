// swift-format-ignore-file: AlwaysUseLowerCamelCase

// The names of the functions are those of ruvector_abi.h.
import CShim
import LearningCore

@c @implementation
public func rv_schedule_next(_ schedule: UnsafeMutablePointer<rv_schedule>, _ facts: UnsafePointer<rv_tick_facts>) {
  var state = TickSchedule(schedule.pointee)
  let action = state.next(TickSchedule.Facts(facts.pointee))
  schedule.pointee.keep(state)
  schedule.pointee.answer(action)
}

@c @implementation
public func rv_schedule_charge(_ schedule: UnsafeMutablePointer<rv_schedule>, _ spent: Double) {
  var state = TickSchedule(schedule.pointee)
  state.charge(spent)
  schedule.pointee.keep(state)
}

extension TickSchedule {
  fileprivate init(_ state: rv_schedule) {
    self.init(
      stamps: state.started
        ? Stamps(
          reckoned: state.last_us, sync: state.sync_us, drain: state.drain_us, prune: state.prune_us,
          distil: state.distil_us)
        : nil,
      balance: state.balance_us, began: state.started ? state.beganAction : nil)
  }
}

extension rv_schedule {
  /// Of the last answer, what takes time that its interval is counted from.
  fileprivate var beganAction: TickSchedule.Action? {
    switch UInt32(clamping: action) {
    case RV_ACTION_SYNC.rawValue: .sync
    case RV_ACTION_DRAIN.rawValue: .drain
    case RV_ACTION_PRUNE.rawValue: .prune
    case RV_ACTION_DISTIL.rawValue: .distil
    default: nil
    }
  }

  fileprivate mutating func keep(_ state: TickSchedule) {
    started = state.stamps != nil
    balance_us = state.balance
    guard let stamps = state.stamps else { return }
    last_us = stamps.reckoned
    sync_us = stamps.sync
    drain_us = stamps.drain
    prune_us = stamps.prune
    distil_us = stamps.distil
  }

  fileprivate mutating func answer(_ answer: TickSchedule.Action) {
    func set(_ code: rv_action, class position: Int = -1, wake: Int64 = 0) {
      action = Int32(code.rawValue)
      class_index = Int32(position)
      wake_us = wake
    }
    switch answer {
    case .sleep(let until): set(RV_ACTION_SLEEP, wake: until)
    case .sync: set(RV_ACTION_SYNC)
    case .drain: set(RV_ACTION_DRAIN)
    case .judge(let position): set(RV_ACTION_JUDGE, class: position)
    case .label(let position): set(RV_ACTION_LABEL, class: position)
    case .prune: set(RV_ACTION_PRUNE)
    case .distil: set(RV_ACTION_DISTIL)
    }
  }
}

extension TickSchedule.Facts {
  fileprivate init(_ facts: rv_tick_facts) {
    let count = facts.class_facts == nil ? 0 : Int(max(0, facts.classes))
    self.init(
      now: facts.now_us, interval: facts.interval_us, distillation: facts.distil_interval_us,
      labelBudget: facts.label_budget, isWoken: facts.woken,
      isWaiting: facts.waiting,
      classes: UnsafeBufferPointer(start: facts.class_facts, count: count).map {
        TickSchedule.ClassFacts(
          candidates: Int($0.candidates), labels: Int($0.labels), judged: $0.judged < 0 ? nil : Int($0.judged),
          minSamples: Int($0.min_samples), urgent: Int($0.urgent))
      })
  }
}
