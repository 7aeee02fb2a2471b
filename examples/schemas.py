"""What goes in and out of an observed chain: it answers for its schemas as the chain itself does."""

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from tracebus import observe
from tracebus.testing import ScriptedChatModel

bare = (
    ChatPromptTemplate.from_template("{place} at {time}") | ScriptedChatModel(script=[""]) | StrOutputParser()
)
chain = observe(bare)
print("input: ", sorted(chain.get_input_jsonschema()["properties"]))
print("output:", chain.get_output_jsonschema()["type"])
print("config:", sorted(chain.config_schema(include=["tags"]).model_json_schema()["properties"]))
assert chain.get_input_jsonschema() == bare.get_input_jsonschema()
