// The client of the TypeScript SDK: connects over stdio (`stdio PROGRAM ARGS…`) or HTTP (`http URL [TOKEN]`), lists, calls, cancels, and
// says in one line of JSON what it saw.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

const [way, target, ...more] = process.argv.slice(2);
const transport = way === "stdio"
  ? new StdioClientTransport({ command: target, args: more })
  : new StreamableHTTPClientTransport(new URL(target), more[0] ? { requestInit: { headers: { authorization: `Bearer ${more[0]}` } } } : {});

const client = new Client({ name: "hotcell-test", version: "1" });
const changed = new Promise((told) => client.setNotificationHandler(ToolListChangedNotificationSchema, told));
await client.connect(transport);
const tools = [];
let cursor;
do {
  const page = await client.listTools(cursor ? { cursor } : {});
  tools.push(...page.tools);
  cursor = page.nextCursor;
} while (cursor);
const call = (name, args, options) => client.callTool({ name, arguments: args }, undefined, options);

const good = await call("calc__eval", { expression: "2 * (3 + 4)" });
const bad = await call("calc__eval", { expr: "1" });
const unknown = await call("calc__evil", {}).catch((error) => error.code);
const progress = [];
// It drops what it is told of a call whose answer it reads in the same piece, so it may have to be asked again.
for (let times = 0; times < 100 && progress.length === 0; times += 1) {
  await call("echo__progress", { times: 500 }, { onprogress: (far) => progress.push(far.progress) });
}
const abort = new AbortController();
const cancelled = call("cpu__spin", {}, { signal: abort.signal }).catch(() => "cancelled");
const ping = await client.ping().then(() => true);
abort.abort("enough");
const spin = await cancelled;
console.log(JSON.stringify({
  server: client.getServerVersion().name,
  tools: tools.map((tool) => tool.name),
  value: good.structuredContent.value,
  text: good.content[0].text,
  invalid: [bad.isError, bad.structuredContent.outcome],
  unknown,
  progress,
  ping,
  spin,
}));
// Whoever started this drops another tool in now.
await changed;
console.log("changed");
await client.close();
