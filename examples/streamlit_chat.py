"""A Streamlit chat: streamlit run streamlit_chat.py, and `tracebus` beside it.

Needs: streamlit
"""

import streamlit as st
from langchain_core.messages import AIMessage, HumanMessage

from tracebus import observe
from tracebus.testing import Pacing, ScriptedChatModel


@st.cache_resource  # once a server, not once a rerun of the script
def chat_model():
    model = ScriptedChatModel(
        script=lambda messages: f"You asked: {messages[-1].text} Line 7 leaves at noon.",
        pacing=Pacing(0.02, 0.01),
    )
    return observe(model, name="chat")


st.title("Timetable")
history = st.session_state.setdefault("history", [])
for message in history:
    st.chat_message(message.type).write(message.text)

if question := st.chat_input("When does line 7 leave?"):
    st.chat_message("human").write(question)
    history.append(HumanMessage(question))
    config = {"metadata": {"thread_id": st.session_state.setdefault("thread", "thread-1")}}
    with st.chat_message("ai"):
        text = st.write_stream(chunk.text for chunk in chat_model().stream(history, config))
    history.append(AIMessage(text))
