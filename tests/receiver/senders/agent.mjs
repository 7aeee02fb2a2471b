// An agent in Node, traced by OpenTelemetry JS with the GenAI conventions' names: node agent.mjs PAUSE_MS ENDPOINT
import { NodeTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { trace, context, SpanKind, SpanStatusCode } from '@opentelemetry/api'
const wait = ms => new Promise(r => setTimeout(r, ms))
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'bus-desk' }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: process.argv[3] + '/v1/traces' }), { scheduledDelayMillis: 200 })],
})
provider.register()
const tracer = trace.getTracer('desk')
const pause = Number(process.argv[2])
const step = (name, kind, attributes, work) => tracer.startActiveSpan(name, { kind, attributes }, async span => {
  try { return await work(span) }
  catch (e) { span.recordException(e); span.setStatus({ code: SpanStatusCode.ERROR, message: e.message }); span.setAttribute('error.type', e.name) }
  finally { span.end() }
})
const chat = (input, output, used) => step('chat gpt-5', SpanKind.CLIENT, {
  'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': 'gpt-5',
  'gen_ai.input.messages': JSON.stringify(input) }, async span => {
  await wait(pause)
  span.setAttributes({ 'gen_ai.output.messages': JSON.stringify([output]), 'gen_ai.response.model': 'gpt-5-2026', 'gen_ai.response.finish_reasons': ['stop'],
    'gen_ai.usage.input_tokens': used[0], 'gen_ai.usage.output_tokens': used[1] })
})
await step('invoke_agent desk', SpanKind.INTERNAL, { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'desk' }, async () => {
  const question = { role: 'user', parts: [{ type: 'text', content: 'When does the night bus leave?' }] }
  const call = { role: 'assistant', parts: [{ type: 'tool_call', id: 'c1', name: 'departures', arguments: { hour: 0 } }] }
  await chat([question], call, [12, 8])
  await step('execute_tool departures', SpanKind.INTERNAL, { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'departures',
    'gen_ai.tool.call.id': 'c1', 'gen_ai.tool.call.arguments': '{"hour":0}' }, async span => { await wait(pause); span.setAttribute('gen_ai.tool.call.result', 'N7 at 0:12') })
  await step('execute_tool lost_property', SpanKind.INTERNAL, { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'lost_property' }, async () => { await wait(pause); throw new TypeError('the register is closed') })
  await chat([question, call], { role: 'assistant', parts: [{ type: 'text', content: 'At 0:12 from Old Square.' }] }, [30, 9])
  await wait(pause * 3)
})
await provider.shutdown()
