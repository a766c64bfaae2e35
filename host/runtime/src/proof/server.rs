//! The server that requests are made to: on this machine, reached by no other, and gone with the proof.
//!
//! It does what it is asked and knows of no limit: `GET /N` is answered with so many bytes, and of a request with a body the body
//! is read to the end that it announces. A port of this machine is open to all programs on it: to them it gives the same, and of
//! itself it gives no more than is bounded here.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A port that is held, on which nobody is answered yet.
#[derive(Debug)]
pub(super) struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

/// The server at work; dropped, it stops, with all that it was about.
pub(super) struct Serving(#[expect(dead_code, reason = "what ends with it")] JoinSet<()>);

/// Connections that are answered at one time; further ones wait in the kernel's line.
const MOST_CONNECTIONS: usize = 64;
/// The most bytes of a request's head, and of an answer.
const MOST_HEAD: u64 = 16 << 10;
const MOST_ANSWER: u64 = 1 << 20;
/// How long a connection is open at the most: as long as all attacks may take.
const LONGEST: Duration = super::WHOLE;
/// How long it may take to reach oneself.
const REACH: Duration = Duration::from_secs(1);

impl Server {
    /// Takes a free port, and sees to it that it can be reached.
    ///
    /// # Errors
    ///
    /// What the system says: there may be no such network here.
    pub(super) fn new() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        TcpStream::connect_timeout(&address, REACH)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Begins to answer.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub(super) fn serve(&self) -> io::Result<Serving> {
        let listener = tokio::net::TcpListener::from_std(self.listener.try_clone()?)?;
        let mut task = JoinSet::new();
        task.spawn(accept(listener));
        Ok(Serving(task))
    }
}

/// Answers everybody; who is being answered goes with it.
async fn accept(listener: tokio::net::TcpListener) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(async move {
                let _place = place;
                // Whoever breaks off is not answered any more.
                let _ = tokio::time::timeout(LONGEST, answer(stream)).await;
            })),
            // Too many open files, as a rule: a moment later there may be fewer.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Answers one request after the other.
async fn answer(stream: tokio::net::TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some((bytes, body)) = head(&mut stream).await? {
        tokio::io::copy(&mut (&mut stream).take(body), &mut tokio::io::sink()).await?;
        stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n").as_bytes()).await?;
        tokio::io::copy(&mut tokio::io::repeat(b'x').take(bytes), &mut stream).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// Reads a head: how many bytes are asked for, and how many its body has; none at the end.
async fn head(stream: &mut BufReader<tokio::net::TcpStream>) -> io::Result<Option<(u64, u64)>> {
    let mut head = stream.take(MOST_HEAD);
    let (mut asked, mut body, mut line) = (None, 0, String::new());
    while head.read_line(&mut line).await? > 0 {
        let text = line.trim_end();
        if text.is_empty() {
            return Ok(asked.map(|asked: u64| (asked.min(MOST_ANSWER), body)));
        }
        if asked.is_none() {
            let path = text.split(' ').nth(1).unwrap_or_default();
            asked = Some(path.trim_start_matches('/').parse().unwrap_or_default());
        }
        if let Some((name, value)) = text.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            body = value.trim().parse().unwrap_or_default();
        }
        line.clear();
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    async fn ask(stream: &mut TcpStream, request: &str) -> String {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut stream = BufReader::new(stream);
        let (mut head, mut bytes) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let from = head.len();
            assert_ne!(stream.read_line(&mut head).await.unwrap(), 0, "{head}");
            if let Some(length) = head.get(from..).and_then(|line| line.strip_prefix("content-length: ")) {
                bytes = length.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; bytes];
        stream.read_exact(&mut body).await.unwrap();
        String::from_utf8(body).unwrap()
    }

    #[tokio::test]
    async fn it_does_what_it_is_asked_within_bounds_and_ends_when_it_is_dropped() {
        let server = Server::new().unwrap();
        let serving = server.serve().unwrap();
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        assert_eq!(ask(&mut stream, "GET /5 HTTP/1.1\r\n\r\n").await, "xxxxx");
        assert_eq!(ask(&mut stream, "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET /7 HT").await, "");
        assert_eq!(ask(&mut stream, "GET /99999999999 HTTP/1.1\r\n\r\n").await.len(), 1 << 20);
        drop(serving);
        assert_eq!(stream.read(&mut [0]).await.unwrap_or_default(), 0, "it is closed");
        let address = server.address();
        drop(server);
        assert!(TcpStream::connect(address).await.is_err());
    }
}
