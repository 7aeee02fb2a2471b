#!/usr/bin/env bash
# langchain-core 1.8.3: one v3 stream of a chat model that has `_stream` tells a callback handler each piece of text twice,
# once by `on_llm_new_token` and once by `on_stream_event` (a `content-block-delta`). A handler that adds up both, so as not to
# miss models that speak the protocol only, gets the answer doubled.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  langchain-core==1.8.3

cat >"$work/seen" <<'SEEN'
on_llm_new_token: ['Good', ' ', 'morning']
on_stream_event:  ['Good', ' ', 'morning']
SEEN

"$work/venv/bin/python" -W ignore - >"$work/now" <<'PYTHON'
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage


class Heard(BaseCallbackHandler):
    def __init__(self):
        self.tokens, self.deltas = [], []

    def on_llm_new_token(self, token, **_):
        self.tokens.append(token)

    def on_stream_event(self, event, **_):
        if event["event"] == "content-block-delta":
            self.deltas.append(event["delta"]["text"])


heard = Heard()
model = GenericFakeChatModel(messages=iter([AIMessage("Good morning")]))
for _ in model.stream_events("Hello", version="v3", config={"callbacks": [heard]}):
    pass
print("on_llm_new_token:", heard.tokens)
print("on_stream_event: ", heard.deltas)
PYTHON

cat "$work/now"
diff "$work/seen" "$work/now"
