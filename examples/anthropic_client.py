"""The real anthropic client, against a server on this machine that answers as theirs does.

Needs: langchain_anthropic
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from langchain_anthropic import ChatAnthropic

from tracebus import observe

ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5",
    "content": [{"type": "text", "text": "At noon."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 14, "output_tokens": 3},
}


class Server(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps(ANSWER).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
base_url = f"http://127.0.0.1:{server.server_port}"
model = ChatAnthropic(model="claude-haiku-4-5", api_key="not-a-key", base_url=base_url, max_retries=0)

message = observe(model, name="timetable").invoke("When does line 7 leave?")
print(message.text, message.usage_metadata["total_tokens"], "tokens")
server.shutdown()
server.server_close()
