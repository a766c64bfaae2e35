//! What it costs to be asked from outside: over HTTP, and by the protocol of model clients over pipes.
//!
//! The floor answers with what it was sent, over the same stack: the same router and HTTP library, the same protocol library. So the
//! ratio is what a call of a tool costs on top, cell included.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use futures::future::try_join_all;
use hotcell_runtime::Host;
use hotcell_server::{Server, Stdio as Pipes};
use rmcp::model::{CallToolRequestParams, CallToolResponse, CallToolResult, ServerCapabilities, ServerConfig};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::compare::{Compared, in_turns, quantile};
use crate::figure::Figures;
use crate::subject::{Subject, runtime};
use crate::{MCP, MCP_FLOOR, place};

/// Calls at a time, with the names of their figures: calls a second, and the percentiles of one call.
const HTTP: [(usize, [&str; 3]); 3] = [
    (1, ["serve.http_calls_per_s_1", "serve.http_p50_us_1", "serve.http_p99_us_1"]),
    (8, ["serve.http_calls_per_s_8", "serve.http_p50_us_8", "serve.http_p99_us_8"]),
    (64, ["serve.http_calls_per_s_64", "serve.http_p50_us_64", "serve.http_p99_us_64"]),
];
const STDIO: [(usize, [&str; 3]); 3] = [
    (1, ["serve.mcp_stdio_calls_per_s_1", "serve.mcp_stdio_p50_us_1", "serve.mcp_stdio_p99_us_1"]),
    (8, ["serve.mcp_stdio_calls_per_s_8", "serve.mcp_stdio_p50_us_8", "serve.mcp_stdio_p99_us_8"]),
    (64, ["serve.mcp_stdio_calls_per_s_64", "serve.mcp_stdio_p50_us_64", "serve.mcp_stdio_p99_us_64"]),
];
const TEXT: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
const ROUNDS: usize = 7;
/// Divided by each number of clients without a rest.
const CALLS: usize = 4_032;

pub(crate) fn measure(figures: &mut Figures) -> Result<()> {
    if figures.want(&HTTP.iter().flat_map(|(_, names)| *names).collect::<Vec<_>>()) {
        over_http(figures).context("over HTTP")?;
    }
    if figures.want(&STDIO.iter().flat_map(|(_, names)| *names).collect::<Vec<_>>()) {
        over_pipes(figures).context("over pipes")?;
    }
    Ok(())
}

fn host() -> Result<Host> {
    Subject::new()?.tool("echo", &place::guest("echo")?)?.host()
}

/// What one side took: the whole, and each call.
struct Taken {
    whole: Duration,
    each: Vec<f64>,
}

/// Tells both sides, taken in turns.
fn told(
    figures: &mut Figures,
    [rate, p50, p99]: [&'static str; 3],
    mut ours: impl FnMut() -> Result<Taken>,
    mut floor: impl FnMut() -> Result<Taken>,
) -> Result<()> {
    let (mut each, mut its) = (Vec::new(), Vec::new());
    let Compared { ours, ratio } = in_turns(
        ROUNDS,
        || {
            ours().map(|taken| {
                each.extend(taken.each);
                taken.whole
            })
        },
        || {
            floor().map(|taken| {
                its.extend(taken.each);
                taken.whole
            })
        },
    )?;
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let calls = CALLS as f64;
    // As calls a second, so the ratio is the other way round.
    figures.take(rate, calls / ours, "calls/s", Some(1.0 / ratio), "");
    for (name, share) in [(p50, 0.5), (p99, 0.99)] {
        let (ours, floor) = (quantile(each.clone(), share), quantile(its.clone(), share));
        figures.take(name, ours * 1e6, "us", Some(ours / floor), "");
    }
    Ok(())
}

// === HTTP ===

fn over_http(figures: &mut Figures) -> Result<()> {
    let main = runtime(2)?;
    let (ours, floor) = main.block_on(async {
        let server = Server::bind(host()?, SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .map_err(|failure| crate::subject::told(&failure))?;
        let ours = server.address();
        tokio::spawn(server.run(std::future::pending()));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let floor = listener.local_addr()?;
        let echo = Router::new().route("/v1/tools/{tool}/call", post(async |body: Bytes| body));
        tokio::spawn(async move { axum::serve(listener, echo).await });
        anyhow::Ok((ours, floor))
    })?;
    for (at_once, names) in HTTP {
        told(figures, names, || main.block_on(crowd(ours, at_once)), || main.block_on(crowd(floor, at_once)))?;
    }
    Ok(())
}

/// So many clients, each with a connection of its own, one request after the other.
async fn crowd(address: SocketAddr, clients: usize) -> Result<Taken> {
    let began = Instant::now();
    let all = try_join_all((0..clients).map(|_| tokio::spawn(client(address, CALLS / clients)))).await?;
    let each = all.into_iter().collect::<Result<Vec<_>>>()?.concat();
    Ok(Taken { whole: began.elapsed(), each })
}

async fn client(address: SocketAddr, calls: usize) -> Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let body = json!({ "text": TEXT }).to_string();
    let request = format!(
        "POST /v1/tools/echo.text/call HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (mut each, mut buffer) = (Vec::with_capacity(calls), Vec::with_capacity(8 << 10));
    for _ in 0..calls {
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        buffer.clear();
        while !is_whole(&buffer)? {
            ensure!(stream.read_buf(&mut buffer).await? > 0, "the connection was closed");
        }
        each.push(began.elapsed().as_secs_f64());
    }
    Ok(each)
}

/// Whether an answer has come, which must be a good one.
fn is_whole(answer: &[u8]) -> Result<bool> {
    let text = std::str::from_utf8(answer)?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return Ok(false) };
    ensure!(head.starts_with("HTTP/1.1 200"), "{text}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).context("a length")?;
    Ok(body.len() >= length.parse()?)
}

// === pipes ===

fn over_pipes(figures: &mut Figures) -> Result<()> {
    let main = runtime(2)?;
    let (mut ours, mut floor) =
        main.block_on(async { anyhow::Ok((Piped::start(MCP).await?, Piped::start(MCP_FLOOR).await?)) })?;
    for (at_once, names) in STDIO {
        told(figures, names, || main.block_on(ours.calls(at_once)), || main.block_on(floor.calls(at_once)))?;
    }
    Ok(())
}

/// A server at the other end of two pipes; ended when dropped.
struct Piped {
    child: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    id: u64,
}

impl Piped {
    async fn start(command: &str) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let lines = BufReader::new(child.stdout.take().context("a pipe")?).lines();
        let mut piped = Self { child, lines, id: 0 };
        let client = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "bench", "version": "1" } });
        piped.send(&json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client })).await?;
        piped.answer().await?;
        piped.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await?;
        Ok(piped)
    }

    async fn send(&mut self, message: &Value) -> Result<()> {
        let pipe = self.child.stdin.as_mut().context("a pipe")?;
        Ok(pipe.write_all(format!("{message}\n").as_bytes()).await?)
    }

    async fn answer(&mut self) -> Result<Value> {
        let line = self.lines.next_line().await?.context("the server has ended")?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Makes calls, so many under way at any time.
    async fn calls(&mut self, at_once: usize) -> Result<Taken> {
        let (began, mut under_way, mut each) = (Instant::now(), HashMap::new(), Vec::with_capacity(CALLS));
        let mut left = CALLS;
        while each.len() < CALLS {
            while left > 0 && under_way.len() < at_once {
                left -= 1;
                self.id += 1;
                let call = json!({ "name": "echo__text", "arguments": { "text": TEXT } });
                under_way.insert(self.id, Instant::now());
                self.send(&json!({ "jsonrpc": "2.0", "id": self.id, "method": "tools/call", "params": call })).await?;
            }
            let answer = self.answer().await?;
            let went_wrong = answer.pointer("/result/isError").and_then(Value::as_bool).unwrap_or_default();
            if went_wrong || answer.get("error").is_some() {
                bail!("{answer}");
            }
            if let Some(asked) = answer.get("id").and_then(Value::as_u64).and_then(|id| under_way.remove(&id)) {
                each.push(asked.elapsed().as_secs_f64());
            }
        }
        Ok(Taken { whole: began.elapsed(), each })
    }
}

/// Serves a host at the pipes of this process.
pub(crate) fn serve() -> Result<()> {
    runtime(2)?.block_on(async {
        let pipes = Pipes::open();
        pipes.run(host()?, std::future::pending()).await;
        Ok(())
    })
}

/// Answers with what it was sent, by the protocol's library alone.
struct Echo;

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        Ok(CallToolResult::structured(Value::Object(request.arguments.unwrap_or_default())).into())
    }
}

/// Serves that at the pipes of this process.
pub(crate) fn serve_floor() -> Result<()> {
    runtime(2)?.block_on(async {
        Echo.serve(rmcp::transport::stdio()).await?.waiting().await?;
        Ok(())
    })
}
