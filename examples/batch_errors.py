"""A batch in which some fail: return_exceptions, and with_retry, which saves those that can be saved."""

from langchain_core.runnables import RunnableLambda

from tracebus import observe

tried: dict[str, int] = {}


def look_up(stop: str) -> str:
    tried[stop] = tried.get(stop, 0) + 1
    if stop == "Mill Lane":
        raise LookupError(f"{stop} was closed in 1987")
    if stop == "Harbour" and tried[stop] == 1:
        raise ConnectionError("the timetable service did not answer")
    return f"{stop}: 12:00"


stops = ["Old Square", "Harbour", "Mill Lane"]
plain = observe(RunnableLambda(look_up), name="look_up")
print("return_exceptions:", plain.batch(stops, return_exceptions=True))

tried.clear()
patient = observe(
    RunnableLambda(look_up).with_retry(
        retry_if_exception_type=(OSError, LookupError), stop_after_attempt=3, wait_exponential_jitter=False
    ),
    name="patient",
)
print("with_retry:", patient.batch(stops, return_exceptions=True))
