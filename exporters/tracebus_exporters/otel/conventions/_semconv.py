"""Every name of the semantic conventions this exporter writes, and the values it knows by name.

Which generation of the conventions has what under which name is in `_generations`. The constants are our
own because the published Python packages stop at v1.41. OpenInference's names (0.1.42) and those that
vendors read beside are in the last sections.
"""

from __future__ import annotations

import re
from typing import Final

# --- operations -----------------------------------------------------------------------------------
CHAT: Final = "chat"
TEXT_COMPLETION: Final = "text_completion"
EMBEDDINGS: Final = "embeddings"
RETRIEVAL: Final = "retrieval"
EXECUTE_TOOL: Final = "execute_tool"
INVOKE_AGENT: Final = "invoke_agent"
INVOKE_WORKFLOW: Final = "invoke_workflow"

# --- attributes -----------------------------------------------------------------------------------
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
OUTPUT_TYPE: Final = "gen_ai.output.type"
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_DESCRIPTION: Final = "gen_ai.agent.description"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
DATA_SOURCE_ID: Final = "gen_ai.data_source.id"

REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"

RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"

USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_CACHE_CREATION: Final = "gen_ai.usage.cache_creation.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
USAGE_AUDIO_INPUT: Final = "gen_ai.usage.audio.input_tokens"
USAGE_AUDIO_OUTPUT: Final = "gen_ai.usage.audio.output_tokens"
USAGE_IMAGE_INPUT: Final = "gen_ai.usage.image.input_tokens"
USAGE_IMAGE_OUTPUT: Final = "gen_ai.usage.image.output_tokens"
USAGE_TEXT_INPUT: Final = "gen_ai.usage.text.input_tokens"
USAGE_TEXT_OUTPUT: Final = "gen_ai.usage.text.output_tokens"
USAGE_TEXT_CACHE_READ: Final = "gen_ai.usage.text.cache_read.input_tokens"
USAGE_IMAGE_CACHE_READ: Final = "gen_ai.usage.image.cache_read.input_tokens"
USAGE_AUDIO_CACHE_READ: Final = "gen_ai.usage.audio.cache_read.input_tokens"

PROMPT_NAME: Final = "gen_ai.prompt.name"
PROMPT_VERSION: Final = "gen_ai.prompt.version"
PROMPT_VARIABLE_PREFIX: Final = "gen_ai.prompt.variable."
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
RETRIEVAL_QUERY_TEXT: Final = "gen_ai.retrieval.query.text"
RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
RETRIEVAL_TOP_K: Final = "gen_ai.retrieval.top_k"
EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105  an attribute's name
TOKEN_MODALITY: Final = "gen_ai.token.modality"  # noqa: S105  likewise

SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
USER_ID: Final = "user.id"
ERROR_TYPE: Final = "error.type"
EXCEPTION: Final = "exception"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

ERROR_TYPE_OTHER: Final = "_OTHER"
TOOL_TYPE_FUNCTION: Final = "function"
PROVIDER_UNKNOWN: Final = "unknown"
FINISH_REASON_ERROR: Final = "error"

# --- our own attributes ---------------------------------------------------------------------------
RUN_ID: Final = "langchain.run.id"
RUN_NAME: Final = "langchain.run.name"
RUN_KIND: Final = "langchain.run.kind"
RUN_OUTCOME: Final = "langchain.run.outcome"
RUN_TAGS: Final = "langchain.run.tags"
RUN_ATTEMPT: Final = "langchain.run.attempt"
RUN_CACHED: Final = "langchain.run.cached"
RUN_METADATA: Final = "langchain.metadata"
STEP_INPUT: Final = "langchain.input"
STEP_OUTPUT: Final = "langchain.output"
GRAPH_NODE: Final = "langchain.langgraph.node"
GRAPH_STEP: Final = "langchain.langgraph.step"
BATCH_ID: Final = "langchain.batch.id"
BATCH_INDEX: Final = "langchain.batch.index"
BATCH_SIZE: Final = "langchain.batch.size"
LINK_RELATION: Final = "langchain.link.relation"
LINK_RUN_ID: Final = "langchain.link.run_id"
LINKED_RUNS: Final = "langchain.links"
DOCUMENT_COUNT: Final = "langchain.retriever.document_count"
STREAM_CHUNKS: Final = "langchain.stream.chunk_count"
RETRY_ATTEMPT: Final = "langchain.retry.attempt"
RETRY_DELAY: Final = "langchain.retry.delay"
CUSTOM_DATA: Final = "langchain.custom.data"
USAGE_OTHER_PREFIX: Final = "langchain.usage."
RETRY_EVENT: Final = "langchain.retry"
KEPT_REASONS: Final = "tracebus.kept.reasons"
KEPT_SHARE: Final = "tracebus.kept.share"
"""Why `keep` let a root run out, and which part of the runs like it: one stands for `1 / share`."""
BUDGET: Final = "tracebus.budget"
BUDGET_EXCEEDED: Final = "tracebus.budget.exceeded"
LOOP_KINDS: Final = "tracebus.loop.kinds"
LOOP_OF: Final = "tracebus.loop.of"
LOOP_COUNT: Final = "tracebus.loop.count"
LOOP_RUNS: Final = "tracebus.loop.runs"
LOOP_TOKENS: Final = "tracebus.loop.tokens"
LOOP_COST: Final = "tracebus.loop.cost"
"""What was noticed of a root run: how far it is with its budget, and that it goes in circles."""
UNFINISHED: Final = "tracebus.unfinished"
"""`error.type` of a span whose run was still open when the exporter closed."""

# --- events of the Logs API -----------------------------------------------------------------------
EVENT_INFERENCE_DETAILS: Final = "gen_ai.client.inference.operation.details"
EVENT_INFERENCE_EXCEPTION: Final = "gen_ai.client.inference.exception"
EVENT_TOOL_EXCEPTION: Final = "gen_ai.execute_tool.exception"
EVENT_OPERATION_EXCEPTION: Final = "gen_ai.client.operation.exception"

# --- values ---------------------------------------------------------------------------------------
_PROVIDERS: Final = {
    "amazon_bedrock": "aws.bedrock",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "azure_openai": "azure.ai.openai",
    "azure": "azure.ai.inference",
    "vertexai": "gcp.vertex_ai",
    "google_vertexai": "gcp.vertex_ai",
    "google_genai": "gcp.gen_ai",
    "google_generativeai": "gcp.gemini",
    "mistralai": "mistral_ai",
    "mistral": "mistral_ai",
    "ibm": "ibm.watsonx.ai",
    "watsonx": "ibm.watsonx.ai",
    "xai": "x_ai",
    "moonshot": "moonshot_ai",
}
_AZURE_OPENAI_CLASSES: Final = ("AzureChatOpenAI", "AzureOpenAI")
_AZURE_OPENAI_HOST: Final = ".openai.azure.com"
_FINISH_REASONS: Final = {
    "tool_calls": "tool_call",
    "tool_use": "tool_call",
    "function_call": "tool_call",
    "TOOL_CALL": "tool_call",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "STOP": "stop",
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "eos_token": "stop",
    "eos": "stop",
    "endoftext": "stop",
    "max_tokens": "length",
    "MAX_TOKENS": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "token_limit": "length",
    "ERROR_LIMIT": "length",
    "model_context_window_exceeded": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "refusal": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "LANGUAGE": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ERROR_TOXIC": "content_filter",
    "sensitive": "content_filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "MALFORMED_RESPONSE": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
    "insufficient_system_resource": "error",
    "network_error": "error",
    "time_limit": "error",
    "TIMEOUT": "error",
    "ERROR": "error",
}
_TYPE_NAME: Final = re.compile(
    r"Runnable[A-Z]\w*(<.*)?|LangGraph|StateGraph|CompiledStateGraph|CompiledGraph|Pregel|AgentExecutor|Unnamed",
    re.DOTALL,
)


_LANGCHAIN_PROVIDERS = {value: known for known, value in reversed(_PROVIDERS.items())}


def provider(langchain_name: str | None) -> str:
    """Return the well-known value of `gen_ai.provider.name` for LangChain's `ls_provider`."""
    if not langchain_name:
        return PROVIDER_UNKNOWN
    return _PROVIDERS.get(langchain_name, langchain_name)


def azure_provider(server: str | None, class_name: str) -> str:
    """Return which of Azure's two providers a model is of, both of which are `azure` to LangChain.

    *server* is the host it is asked at, *class_name* what the run is called where nobody named it.
    """
    told = class_name.startswith(_AZURE_OPENAI_CLASSES) or (server or "").endswith(_AZURE_OPENAI_HOST)
    return _PROVIDERS["azure_openai"] if told else _PROVIDERS["azure"]


def langchain_provider(name: str) -> str:
    """Return LangChain's `ls_provider` for a value of `gen_ai.provider.name`: the first that becomes it."""
    return _LANGCHAIN_PROVIDERS.get(name, name)


def finish_reason(reason: str) -> str:
    """Return a provider's finish reason in the conventions' words, or as it is."""
    return _FINISH_REASONS.get(reason, reason)


def is_type_name(run_name: str) -> bool:
    """Tell whether *run_name* is a class's name, which no workflow's or agent's name must be."""
    return _TYPE_NAME.fullmatch(run_name) is not None


# --- OpenInference --------------------------------------------------------------------------------
OI_SPAN_KIND: Final = "openinference.span.kind"
OI_INPUT_VALUE: Final = "input.value"
OI_INPUT_MIME_TYPE: Final = "input.mime_type"
OI_OUTPUT_VALUE: Final = "output.value"
OI_OUTPUT_MIME_TYPE: Final = "output.mime_type"
OI_MODEL_NAME: Final = "llm.model_name"
OI_REQUEST_MODEL: Final = "llm.request.model_name"
OI_RESPONSE_MODEL: Final = "llm.response.model_name"
OI_PROVIDER: Final = "llm.provider"
OI_SYSTEM: Final = "llm.system"
OI_INVOCATION_PARAMETERS: Final = "llm.invocation_parameters"
OI_FINISH_REASON: Final = "llm.finish_reason"
OI_TOKENS_PROMPT: Final = "llm.token_count.prompt"
OI_TOKENS_COMPLETION: Final = "llm.token_count.completion"
OI_TOKENS_TOTAL: Final = "llm.token_count.total"
OI_TOKENS_CACHE_READ: Final = "llm.token_count.prompt_details.cache_read"
OI_TOKENS_CACHE_WRITE: Final = "llm.token_count.prompt_details.cache_write"
OI_TOKENS_PROMPT_AUDIO: Final = "llm.token_count.prompt_details.audio"
OI_TOKENS_REASONING: Final = "llm.token_count.completion_details.reasoning"
OI_TOKENS_COMPLETION_AUDIO: Final = "llm.token_count.completion_details.audio"
OI_TOOL_NAME: Final = "tool.name"
OI_TOOL_DESCRIPTION: Final = "tool.description"
OI_TOOL_PARAMETERS: Final = "tool.parameters"
OI_TOOL_ID: Final = "tool.id"
OI_AGENT_NAME: Final = "agent.name"
OI_SESSION_ID: Final = "session.id"
OI_EMBEDDING_MODEL: Final = "embedding.model_name"
OI_METADATA: Final = "metadata"
OI_TAGS: Final = "tag.tags"
OI_NODE_ID: Final = "graph.node.id"
OI_NODE_NAME: Final = "graph.node.name"
OI_NODE_PARENT_ID: Final = "graph.node.parent_id"
OI_MIME_JSON: Final = "application/json"
OI_MIME_TEXT: Final = "text/plain"
OI_DOCUMENTS: Final = "retrieval.documents"
OI_TEMPLATE_VARIABLES: Final = "llm.prompt_template.variables"

# --- vendors' own ---------------------------------------------------------------------------------
LANGFUSE_COMPLETION_START: Final = "langfuse.observation.completion_start_time"
LANGSMITH_KIND: Final = "langsmith.span.kind"
LANGSMITH_NAME: Final = "langsmith.trace.name"
LANGSMITH_TAGS: Final = "langsmith.span.tags"
LANGSMITH_METADATA_PREFIX: Final = "langsmith.metadata."
MLFLOW_TYPE: Final = "mlflow.spanType"
MLFLOW_TAGS: Final = "mlflow.traceTag.tags"
