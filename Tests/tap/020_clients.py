"""Eight searches of one client, the ninth neighbour included: `020_clients.py HOW CONNINFO`."""
import sys

how, conninfo = sys.argv[1:]
queries = [[((7919 * i + 104729 * d) % 2001 - 1000) / 1000 for d in range(24)] for i in range(8)]


def with_psycopg(prepare):
    import psycopg

    # one transaction: for so long a pooler leaves the server, and what is prepared there, to this client
    with psycopg.connect(conninfo, prepare_threshold=0 if prepare else None) as connection:
        if prepare:
            connection.execute("SET LOCAL plan_cache_mode = force_generic_plan", prepare=False)
        for query in queries:
            rows = connection.execute("SELECT id FROM items ORDER BY embedding <-> %s::vector LIMIT 9", (str(query),))
            assert len(rows.fetchall()) == 9
        if prepare:
            plans = connection.execute("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE '%<->%'",
                                       prepare=False)
            assert plans.fetchall() == [(len(queries), 0)]
            connection.execute("DEALLOCATE ALL", prepare=False)


def vector_type():
    from sqlalchemy import Float
    from sqlalchemy.types import UserDefinedType

    class Vector(UserDefinedType):
        """As the type of pgvector's Python package: text on the wire, operators as comparators."""

        cache_ok = True

        def __init__(self, dimensions):
            self.dimensions = dimensions

        def get_col_spec(self):
            return "VECTOR(%d)" % self.dimensions

        def bind_processor(self, dialect):
            return lambda value: "[%s]" % ",".join(map(str, value))

        class comparator_factory(UserDefinedType.Comparator):
            def l2_distance(self, other):
                return self.op("<->", return_type=Float)(other)

    return Vector


def with_sqlalchemy():
    from sqlalchemy import Column, Integer, create_engine, select
    from sqlalchemy.orm import Session, declarative_base

    try:
        from pgvector.sqlalchemy import Vector
    except ImportError:  # no Debian package
        Vector = vector_type()

    class Item(declarative_base()):
        __tablename__ = "items"
        id = Column(Integer, primary_key=True)
        embedding = Column(Vector(24))

    import psycopg2

    engine = create_engine("postgresql+psycopg2://", creator=lambda: psycopg2.connect(conninfo))
    with Session(engine) as session:
        for query in queries:
            statement = select(Item).order_by(Item.embedding.l2_distance(query)).limit(9)
            assert len(session.scalars(statement).all()) == 9
            session.commit()


if how == "sqlalchemy":
    with_sqlalchemy()
else:
    with_psycopg(how == "prepared")
