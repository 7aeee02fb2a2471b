"""The three ways to pass a config: with the call, bound with with_config, one for each item of a batch."""

from langchain_core.runnables import RunnableConfig, RunnableLambda

from tracebus import observe


def step(text: str, config: RunnableConfig) -> str:
    return f"{text}: tags {sorted(config['tags'])}, user {config['metadata'].get('user')}"


chain = observe(RunnableLambda(step))

print(chain.invoke("with the call", {"tags": ["call"], "metadata": {"user": 1}, "run_name": "by the call"}))

bound = chain.with_config(tags=["bound"], metadata={"user": 2}, run_name="bound")  # observed, too
print(bound.invoke("bound"))

configs: list[RunnableConfig] = [{"tags": [name], "run_name": name} for name in ("first", "second")]
print(chain.batch(["an item", "another"], configs))
