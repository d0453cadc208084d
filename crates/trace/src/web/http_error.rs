//! Explains why a URL returned no file and suggests a workaround. Depends only on status, headers
//! and URL, so that it is tested without a browser.

use std::time::{Duration, UNIX_EPOCH};

use crate::{
    error::Error,
    web::hub::{self, HubPlace},
};

/// The workaround for most failed requests.
const DROP_IT: &str = "Or download it and drop it here.";

/// A server's response without its body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`: seconds, or a date.
    pub retry_after: Option<&'a str>,
    /// The header `RateLimit`, in which the Hub states when requests are allowed again.
    pub rate_limit: Option<&'a str>,
    /// The header `X-Error-Code`, in which the Hub states the error.
    pub error_code: Option<&'a str>,
    /// Seconds since the start of 1970.
    pub now: u64,
}

/// The error for a response without the file.
#[must_use]
pub fn refused(url: &str, answer: &Answer) -> Error {
    let status = answer.status;
    let reason = match status {
        401 | 403 => locked(url, answer),
        404 | 410 => absent(url, answer),
        416 => "the server has fewer bytes than it declared (status 416). Load the file again.".to_owned(),
        429 => match wait(answer) {
            Some(wait) => {
                format!(
                    "too many requests; the server asks to wait {wait} (status 429). Try again then. {DROP_IT}"
                )
            }
            None => format!(
                "too many requests (status 429). Try again in some \
                 minutes. {DROP_IT}"
            ),
        },
        500..=599 => match wait(answer) {
            Some(wait) => format!(
                "the server is unavailable and asks to wait {wait} (status {status}). Try again then. {DROP_IT}"
            ),
            None => {
                format!("the server failed to respond (status {status}). Try again later. {DROP_IT}")
            }
        },
        _ => format!(
            "the server answered with status {status} instead of the file. Check the address. {DROP_IT}"
        ),
    };
    Error::Refused { url: url.to_owned(), status, reason }
}

/// The error for a request without a response. Browsers do not reveal whether the server was
/// unreachable or forbids reading by other sites.
#[must_use]
pub fn unreachable(url: &str) -> Error {
    let mut reason = "it cannot be reached, or its server does not let other pages read it (CORS); a browser does not \
                      tell a page which. Check the address and the network; or download it and drop it here; or, on a \
                      server of your own, send the header `Access-Control-Allow-Origin: *` with it."
        .to_owned();
    if url.starts_with("http://") && !is_this_machine(url) {
        reason.push_str(" A page that came by https may not read http addresses; try https.");
    }
    if hub::is_github(url) {
        reason.push_str(" GitHub lets other pages read the files of a repository, not those of a release.");
    }
    failed(url, reason)
}

/// The error for a server that ignores `Range` and sends a whole file of more bytes than are
/// accepted.
#[must_use]
pub fn only_whole(url: &str, len: Option<u64>, limit: u64) -> Error {
    let limit = limit >> 20;
    let size = match len {
        Some(len) => format!("{} MiB, more than the {limit} MiB", len.div_ceil(1 << 20)),
        None => format!("more than the {limit} MiB"),
    };
    failed(
        url,
        format!(
            "its server sends the file only whole (status 200 to a request with `Range`), and it has {size} that are \
             taken at once. Download it and drop it here, or serve it with a server that answers `Range` with status 206."
        ),
    )
}

/// The error for a response without the file's length.
#[must_use]
pub fn without_length(url: &str) -> Error {
    failed(
        url,
        "its server does not say how long the file is. Download it and drop it here, or have the server send \
         `Access-Control-Expose-Headers: Content-Range`.",
    )
}

/// The error for any other failed request.
#[must_use]
pub fn failed(url: &str, reason: impl Into<String>) -> Error {
    Error::Address { url: url.to_owned(), reason: reason.into() }
}

/// Whether a URL is on this machine, which pages from https may request by http.
#[must_use]
pub fn is_this_machine(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    matches!(host.split(':').next(), Some("localhost" | "127.0.0.1"))
}

fn locked(url: &str, answer: &Answer) -> String {
    let status = answer.status;
    let Some(place) = HubPlace::of(url) else {
        return format!(
            "access denied (status {status}). Use an address that can be read without a login, or download the file while \
             logged in and drop it here."
        );
    };
    let (repository, page, download) = (place.repository(), place.page(), place.download());
    match answer.error_code {
        Some("GatedRepo") => format!(
            "the repository {repository} is gated: it gives its files to those who have accepted its terms (status \
             {status}). Accept them at {page}, download with `{download}` and drop the files here."
        ),
        Some("RepoNotFound") => format!(
            "there is no public repository {repository} (status {status}). Check the address; if it \
             is a private one, download it with `{download}` and drop the files here."
        ),
        _ => format!(
            "the repository {repository} is gated or private, or there is none of that name (status {status}). Check \
             the address; where its page {page} asks to accept terms, do so, download with `{download}` and drop the \
             files here."
        ),
    }
}

fn absent(url: &str, answer: &Answer) -> String {
    let status = answer.status;
    match (answer.error_code, HubPlace::of(url)) {
        (Some("RevisionNotFound"), Some(place)) => format!(
            "the repository {} has no branch, tag or commit {} (status {status}). Check the address.",
            place.repository(),
            place.revision()
        ),
        _ if hub::is_github(url) => format!(
            "there is no such file, or its repository is private (status {status}). Check the address; of a private \
             repository download the file and drop it here."
        ),
        _ => format!("there is no such file (status {status}). Check the address."),
    }
}

/// The waiting time that the server asks for, in words.
fn wait(answer: &Answer) -> Option<String> {
    let header = answer.retry_after.map(str::trim);
    let by_date = |header: &str| {
        let then = httpdate::parse_http_date(header).ok()?;
        let now = UNIX_EPOCH.checked_add(Duration::from_secs(answer.now))?;
        Some(then.duration_since(now).unwrap_or_default().as_secs())
    };
    let seconds = header
        .and_then(|header| header.parse().ok().or_else(|| by_date(header)))
        .or_else(|| until_reset(answer.rate_limit?))?;
    Some(in_words(seconds))
}

/// The seconds in `"resolvers";r=0;t=55`.
fn until_reset(header: &str) -> Option<u64> {
    header.split(';').find_map(|part| part.trim().strip_prefix("t=")?.parse().ok())
}

fn in_words(seconds: u64) -> String {
    match seconds {
        0 => "a moment".to_owned(),
        1 => "1 second".to_owned(),
        2..=120 => format!("{seconds} seconds"),
        121..=7200 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3600)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, only_whole, refused, unreachable};

    const PLAIN: &str = "https://example.org/step-5.safetensors";
    const HUB: &str = "https://huggingface.co/datasets/a/b/resolve/v1/step-5.safetensors";

    #[track_caller]
    fn says(url: &str, answer: Answer, words: &[&str]) {
        let text = refused(url, &answer).to_string();
        assert!(text.starts_with(&format!("{url}: ")), "{text}");
        assert!(text.contains(&format!("status {}", answer.status)), "{text}");
        assert!(text.ends_with('.') && !text.contains("  "), "{text}");
        for word in words {
            assert!(text.contains(word), "{word}: {text}");
        }
    }

    fn status(status: u16) -> Answer<'static> {
        // Fri, 27 Nov 2026 00:00:00 GMT
        Answer { status, now: 1_795_737_600, ..Answer::default() }
    }

    #[test]
    fn waiting_times_are_in_words() {
        let after = |header| Answer { retry_after: Some(header), ..status(429) };
        for (header, words) in [
            ("1", "wait 1 second ("),
            (" 30 ", "wait 30 seconds ("),
            ("121", "wait 3 minutes ("),
            ("7201", "wait 3 hours ("),
            ("0", "wait a moment ("),
            ("Fri, 27 Nov 2026 00:01:30 GMT", "wait 90 seconds ("),
            ("Fri, 27 Nov 2026 02:00:00 GMT", "wait 120 minutes ("),
            ("Thu, 26 Nov 2026 00:00:00 GMT", "wait a moment ("),
        ] {
            says(PLAIN, after(header), &[words, "Try again then", "drop it here"]);
        }
        for header in ["soon", "", "-5", "99999999999999999999999"] {
            says(PLAIN, after(header), &["too many requests (status 429)", "in some minutes"]);
        }
        says(PLAIN, status(429), &["too many requests (status 429)"]);
        let limit = Answer { rate_limit: Some("\"resolvers\";r=0;t=55"), ..status(429) };
        says(HUB, limit, &["wait 55 seconds"]);
        says(PLAIN, Answer { retry_after: Some("20"), ..status(503) }, &["wait 20 seconds"]);
        says(PLAIN, status(502), &["failed to respond", "Try again later"]);
    }

    #[test]
    fn locked_files_are_explained() {
        says(PLAIN, status(403), &["access denied", "without a login", "drop it here"]);
        let code = |code| Answer { error_code: Some(code), ..status(401) };
        says(
            HUB,
            code("GatedRepo"),
            &[
                "a/b is gated",
                "https://huggingface.co/datasets/a/b,",
                "`hf download a/b --repo-type dataset --revision v1`",
            ],
        );
        says(HUB, code("RepoNotFound"), &["no public repository a/b", "private", "hf download a/b"]);
        // Other sites may not see the header.
        says(HUB, status(401), &["gated or private", "accept terms", "hf download a/b"]);
        says(HUB, status(403), &["gated or private"]);
    }

    #[test]
    fn absent_files_are_explained() {
        says(PLAIN, status(404), &["no such file", "Check the address"]);
        says(PLAIN, status(410), &["no such file"]);
        let code = |code| Answer { error_code: Some(code), ..status(404) };
        says(HUB, code("RevisionNotFound"), &["no branch, tag or commit v1"]);
        says(HUB, code("EntryNotFound"), &["no such file"]);
        says("https://raw.githubusercontent.com/a/b/main/c.npz", status(404), &["private"]);
    }

    #[test]
    fn anything_else_is_explained() {
        says(PLAIN, status(416), &["fewer bytes"]);
        says(PLAIN, status(204), &["instead of the file"]);
        says(PLAIN, status(451), &["instead of the file", "drop it here"]);
    }

    #[test]
    fn requests_without_a_response_name_both_possible_causes() {
        let text = unreachable(PLAIN).to_string();
        for word in ["cannot be reached", "(CORS)", "drop it here", "`Access-Control-Allow-Origin: *`"] {
            assert!(text.contains(word), "{text}");
        }
        let by_https = "try https";
        assert!(!text.contains(by_https) && !text.contains("GitHub"), "{text}");
        assert!(unreachable("http://example.org/a").to_string().contains(by_https));
        assert!(unreachable("http://127.0.0.1.example.org/a").to_string().contains(by_https));
        assert!(!unreachable("http://127.0.0.1:80/a").to_string().contains(by_https));
        let release = "https://github.com/a/b/releases/download/v1/x.npz";
        assert!(unreachable(release).to_string().contains("not those of a release"));
    }

    #[test]
    fn servers_without_ranges_are_recognized() {
        let text = only_whole(PLAIN, Some(100 << 20), 64 << 20).to_string();
        assert!(text.contains("100 MiB, more than the 64 MiB") && text.contains("status 206"), "{text}");
        let text = only_whole(PLAIN, None, 64 << 20).to_string();
        assert!(text.contains("it has more than the 64 MiB"), "{text}");
    }
}
