//! A client that costs next to nothing: HTTP/1.1 on one kept connection, one request at a time.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// An answer, within the buffer of its connection.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    head: &'a str,
    pub(crate) body: &'a [u8],
}

/// A `GET` request with a Bearer `token`.
pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench.example\r\nauthorization: Bearer {token}\r\n\r\n")
        .into_bytes()
}

/// A `POST` request of a form.
pub(crate) fn post(path: &str, form: &str) -> Vec<u8> {
    let length = form.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: bench.example\r\ncontent-type: application/x-www-form-urlencoded\r\n\
         content-length: {length}\r\n\r\n{form}"
    )
    .into_bytes()
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(4096),
        })
    }

    /// Sends `request` and reads the answer whole.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.received.clear();
        self.stream.write_all(request).await?;
        let head = loop {
            self.receive().await?;
            if let Some(end) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
        };
        let length = header(text(&self.received[..head])?, "content-length")
            .unwrap_or("0")
            .parse::<usize>()
            .map_err(io::Error::other)?;
        let body = head + 4;
        while self.received.len() < body + length {
            self.receive().await?;
        }
        let head = text(&self.received[..head])?;
        Ok(Answer {
            status: head
                .get(9..12)
                .unwrap_or_default()
                .parse()
                .map_err(io::Error::other)?,
            head,
            body: &self.received[body..],
        })
    }

    async fn receive(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err(io::Error::other("the server hung up")),
            _ => Ok(()),
        }
    }
}

impl Answer<'_> {
    /// The value of the header called `name`, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }

    /// What is wrong where it is no 200.
    pub(crate) fn is_ok(&self) -> io::Result<()> {
        if self.status == 200 {
            return Ok(());
        }
        let body = String::from_utf8_lossy(self.body);
        Err(io::Error::other(format!("answered {}: {body}", self.status)))
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n")
        .filter_map(|line| line.split_once(": "))
        .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
}

fn text(head: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(head).map_err(io::Error::other)
}
