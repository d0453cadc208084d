//! A file at a URL, read by `Range` requests. Requests have no cookies, no referrer and no header
//! but `Range`, which as `bytes=a-b` needs no preflight request.

use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, Headers, ReadableStreamDefaultReader, ReferrerPolicy, Request, RequestCredentials,
    RequestInit, RequestMode, Response, Window, WorkerGlobalScope,
};

use crate::{
    error::Error,
    io::source::{ByteSource, MemorySource, Pending, check_range},
    web::http_error::{self, failed, only_whole, unreachable, without_length},
};

/// The largest file, in bytes, that is accepted as a whole from a server that ignores ranges.
const MAX_WHOLE: u64 = 64 << 20;

/// The largest file, in bytes, that the first request fetches and keeps, as a second request costs
/// more than the bytes.
const FETCHED_WHOLE: u64 = 1 << 20;

/// A file at a URL.
#[derive(Clone, Debug)]
pub struct HttpSource {
    url: String,
    len: u64,
    /// The whole file, if it is small or the server ignores ranges.
    whole: Option<Rc<MemorySource>>,
}

impl HttpSource {
    /// Requests the file's length.
    ///
    /// # Errors
    /// [`Error::Refused`] for a response without the file, [`Error::Address`] when the server
    /// cannot be reached or sends a large file only as a whole.
    pub async fn open(url: &str) -> Result<Self, Error> {
        let answer = fetch(url, Method::Range(0, FETCHED_WHOLE - 1)).await?;
        match answer.response.status() {
            206 => {
                let len = match content_range_total(&answer.response) {
                    Some(len) => len,
                    // The server does not expose `Content-Range` to other sites: request only the
                    // length.
                    None => length_by_head(url).await?,
                };
                if len > FETCHED_WHOLE {
                    answer.abort.abort();
                    return Ok(Self { url: url.to_owned(), len, whole: None });
                }
                let bytes = whole_body(url, answer).await?;
                if bytes.len() as u64 != len {
                    let came = bytes.len();
                    let reason = format!(
                        "{came} of {len} bytes arrived. Try again, or download the file and drop it."
                    );
                    return Err(failed(url, reason));
                }
                Ok(Self { url: url.to_owned(), len, whole: Some(Rc::new(MemorySource::new(url, bytes))) })
            }
            // An empty file has no first byte.
            416 => Ok(Self {
                url: url.to_owned(),
                len: content_range_total(&answer.response).unwrap_or(0),
                whole: None,
            }),
            200 => {
                let bytes = whole_body(url, answer).await?;
                let len = bytes.len() as u64;
                Ok(Self { url: url.to_owned(), len, whole: Some(Rc::new(MemorySource::new(url, bytes))) })
            }
            _ => Err(refused(url, &answer.response)),
        }
    }

    async fn read_now(&self, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
        if let Some(whole) = &self.whole {
            return whole.read(offset, len).await;
        }
        check_range(&self.url, self.len, offset, len)?;
        if len == 0 {
            return Ok(Vec::new());
        }
        let end = offset + len as u64;
        let answer = fetch(&self.url, Method::Range(offset, end - 1)).await?;
        let all = offset == 0 && end == self.len;
        let bytes = match answer.response.status() {
            206 => body(&self.url, &answer.response).await?,
            200 if all => body(&self.url, &answer.response).await?,
            200 => {
                let whole = whole_body(&self.url, answer).await?;
                usize::try_from(offset)
                    .ok()
                    .and_then(|start| whole.get(start..start + len))
                    .unwrap_or_default()
                    .to_vec()
            }
            _ => return Err(refused(&self.url, &answer.response)),
        };
        if bytes.len() == len {
            return Ok(bytes);
        }
        Err(Error::Unreadable {
            name: self.url.clone(),
            offset,
            len: len as u64,
            reason: format!(
                "the server sent {} bytes. The file may have changed on the server; load it again.",
                bytes.len()
            ),
        })
    }
}

impl ByteSource for HttpSource {
    fn name(&self) -> &str {
        &self.url
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        Box::pin(self.read_now(offset, len))
    }
}

#[derive(Clone, Copy)]
enum Method {
    /// Fetches the bytes from `first` to `last`.
    Range(u64, u64),
    Head,
}

struct Answer {
    response: Response,
    abort: AbortController,
}

fn browser(url: &str, error: &JsValue) -> Error {
    failed(url, format!("the browser cannot request it ({error:?}). Check the address."))
}

async fn fetch(url: &str, method: Method) -> Result<Answer, Error> {
    let abort = AbortController::new().map_err(|error| browser(url, &error))?;
    let init = RequestInit::new();
    init.set_mode(RequestMode::Cors);
    init.set_credentials(RequestCredentials::Omit);
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    init.set_signal(Some(&abort.signal()));
    match method {
        Method::Head => init.set_method("HEAD"),
        Method::Range(first, last) => {
            let headers = Headers::new().map_err(|error| browser(url, &error))?;
            headers.set("Range", &format!("bytes={first}-{last}")).map_err(|error| browser(url, &error))?;
            init.set_headers(&headers);
        }
    }
    let request = Request::new_with_str_and_init(url, &init).map_err(|error| browser(url, &error))?;
    let scope = js_sys::global();
    let promise = if let Some(window) = scope.dyn_ref::<Window>() {
        window.fetch_with_request(&request)
    } else if let Some(worker) = scope.dyn_ref::<WorkerGlobalScope>() {
        worker.fetch_with_request(&request)
    } else {
        return Err(failed(url, "this environment cannot fetch it. Open the page in a browser."));
    };
    let response = JsFuture::from(promise).await.map_err(|_| unreachable(url))?;
    let response = response.dyn_into::<Response>().map_err(|error| browser(url, &error))?;
    Ok(Answer { response, abort })
}

/// The error for a response whose status is not one of success.
fn refused(url: &str, response: &Response) -> Error {
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let (retry_after, rate_limit) = (header("Retry-After"), header("RateLimit"));
    let error_code = header("X-Error-Code");
    let answer = http_error::Answer {
        status: response.status(),
        retry_after: retry_after.as_deref(),
        rate_limit: rate_limit.as_deref(),
        error_code: error_code.as_deref(),
        now: (js_sys::Date::now() / 1000.0) as u64,
    };
    http_error::refused(url, &answer)
}

/// The number after the slash of `Content-Range: bytes 0-0/12345`.
fn content_range_total(response: &Response) -> Option<u64> {
    let header = response.headers().get("Content-Range").ok()??;
    header.rsplit_once('/')?.1.trim().parse().ok()
}

fn content_length(response: &Response) -> Option<u64> {
    response.headers().get("Content-Length").ok()??.trim().parse().ok()
}

async fn length_by_head(url: &str) -> Result<u64, Error> {
    let answer = fetch(url, Method::Head).await?;
    if answer.response.status() != 200 {
        return Err(refused(url, &answer.response));
    }
    content_length(&answer.response).ok_or_else(|| without_length(url))
}

async fn body(url: &str, response: &Response) -> Result<Vec<u8>, Error> {
    let cut = |_| failed(url, "the connection was interrupted. Try again.");
    let promise = response.array_buffer().map_err(cut)?;
    let buffer = JsFuture::from(promise).await.map_err(cut)?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

/// The whole body, unless it is longer than is accepted.
async fn whole_body(url: &str, answer: Answer) -> Result<Vec<u8>, Error> {
    let Answer { response, abort } = answer;
    let len = content_length(&response);
    let too_large = || {
        abort.abort();
        only_whole(url, len.filter(|len| *len > MAX_WHOLE), MAX_WHOLE)
    };
    if len.is_some_and(|len| len > MAX_WHOLE) {
        return Err(too_large());
    }
    let Some(stream) = response.body() else { return Ok(Vec::new()) };
    let reader = stream
        .get_reader()
        .dyn_into::<ReadableStreamDefaultReader>()
        .map_err(|_| failed(url, "the response cannot be read. Try again."))?;
    let mut bytes = Vec::new();
    loop {
        let step = JsFuture::from(reader.read())
            .await
            .map_err(|_| failed(url, "the connection was interrupted. Try again."))?;
        let value =
            js_sys::Reflect::get(&step, &JsValue::from_str("value")).map_err(|error| browser(url, &error))?;
        let Some(chunk) = value.dyn_ref::<Uint8Array>() else { return Ok(bytes) };
        if bytes.len() as u64 + u64::from(chunk.length()) > MAX_WHOLE {
            return Err(too_large());
        }
        bytes.extend(chunk.to_vec());
    }
}
