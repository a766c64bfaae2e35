// A mock of providers of models: says where it is in one line, and ends when its input does, so that none outlives its test.
import { LLMock } from "@copilotkit/aimock";

// Whatever no fixture matches is a 503.
const mock = new LLMock({ port: 0, host: "127.0.0.1", strict: true, logLevel: "silent", chunkSize: 8 });

// Each provider reads its own names.
const usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, input_tokens: 11, output_tokens: 7 };
const weather = (city) => ({ name: "get_weather", arguments: JSON.stringify({ city }), id: `call_${city}` });
const text = "This answer never gets to its end, alas.";
const error = (message, status, more) => ({ error: { message, type: "server_error" }, status, ...more });

// A whole run: a tool that is not there, an input that does not fit, one that does, and the answer. Each comes only if the model was
// told what became of the one before.
const use = (name, input, id) => ({ toolCalls: [{ name, arguments: JSON.stringify(input), id }], usage });
const run = (told, response) => ({ match: { userMessage: "six times seven", toolResultContains: told }, response });

mock.addFixturesFromJSON([
  { match: { userMessage: "six times seven", hasToolResult: false }, response: use("calc__evil", { expression: "6 * 7" }, "call_1") },
  run("there is no tool `calc__evil`", use("calc__eval", { expression: 7 }, "call_2")),
  run("the input of calc.eval does not fit", use("calc__eval", { expression: "6 * 7" }, "call_3")),
  run('"result":42', { content: "It is 42.", usage }),
  run("calc.eval was not approved", { content: "I may not calculate.", usage }),
  { match: { userMessage: "hello" }, response: { content: "Hello from the mock, at length.", usage } },
  { match: { userMessage: "weather", hasToolResult: false }, response: { content: "Let me look.", toolCalls: [weather("Oslo"), weather("Rome")], usage } },
  { match: { userMessage: "weather", hasToolResult: true, toolResultContains: "21" }, response: { content: "It is 21 degrees.", usage } },
  { match: { userMessage: "think" }, response: { content: "Answer.", reasoning: "Because of this.", usage } },
  { match: { userMessage: "limit" }, response: { content: "cut off he", finishReason: "length", usage } },
  { match: { userMessage: "early", sequenceIndex: 0 }, response: error("slow down", 429, { retryAfter: 1 }) },
  { match: { userMessage: "early" }, response: { content: "Now.", usage } },
  { match: { userMessage: "quota" }, response: error("come back tomorrow", 429, { retryAfter: 86400 }) },
  { match: { userMessage: "broken" }, response: error("boom", 500) },
  { match: { userMessage: "flaky", sequenceIndex: 0 }, response: error("once", 503) },
  { match: { userMessage: "flaky" }, response: { content: "Second time lucky.", usage } },
  // With no time between its pieces the mock has sent nothing before it breaks off.
  { match: { userMessage: "nothing" }, response: { content: text }, truncateAfterChunks: 3 },
  { match: { userMessage: "truncate" }, response: { content: text }, latency: 20, truncateAfterChunks: 4 },
  { match: { userMessage: "hang" }, response: { content: "slow words come one by one" }, latency: 5000 },
  { match: { userMessage: "garbage" }, response: { content: "x" }, chaos: { malformedRate: 1 } },
  { match: { userMessage: "disconnect" }, response: { content: "x" }, chaos: { disconnectRate: 1 } },
]);
// Past the check of fixtures, which wants arguments that are JSON.
mock.addFixture({
  match: { userMessage: "bad args" },
  response: { toolCalls: [{ name: "get_weather", arguments: '{"city": "Os', id: "call_bad" }] },
});

await mock.start();
process.stdout.write(JSON.stringify({ url: mock.url }) + "\n");
process.stdin.resume();
process.stdin.on("end", async () => {
  await mock.stop();
  process.exit(0);
});
