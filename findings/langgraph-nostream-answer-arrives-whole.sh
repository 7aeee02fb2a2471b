#!/usr/bin/env bash
# langgraph 1.2.24: a model tagged `nostream` is kept out of `stream_mode="messages"`: its tokens are. Once its node returns the answer
# into the state, the same stream delivers it in one piece, so the tag turns off the streaming and not the message.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langgraph==1.2.24 langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
[] [('AIMessageChunk', 'for'), ('AIMessageChunk', ' '), ('AIMessageChunk', 'your'), ('AIMessageChunk', ' '), ('AIMessageChunk', 'eyes')]
['nostream'] [('AIMessage', 'for your eyes')]
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import START, MessagesState, StateGraph

for tags in ([], ["nostream"]):
    model = GenericFakeChatModel(messages=iter([AIMessage("for your eyes")])).with_config(tags=tags)

    def node(state, model=model):
        return {"messages": [model.invoke(state["messages"])]}

    app = StateGraph(MessagesState).add_node("node", node).add_edge(START, "node").compile()
    stream = app.stream({"messages": [("human", "Hello")]}, stream_mode="messages")
    print(tags, [(type(message).__name__, message.content) for message, _ in stream])
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
