//! Reads records: the fields that all writers share here, those of single writers in [`writers`].

use crate::{
    format::expert_ids::{
        record::{Record, Writer, tokens},
        scan::{Fault, ONE_RECORD_PER_LINE, Scan},
        shape::Shape,
        writers,
    },
    text::IdText,
};

/// Reads a record and gives its arrays their shapes.
///
/// # Errors
/// With column and field.
pub fn read(writer: Writer, bytes: &[u8], shape: Shape) -> Result<Record, Fault> {
    let mut record = fields(writer, bytes)?;
    record.apply_shape(shape)?;
    Ok(record)
}

/// Reads a record; arrays without a shape stay flat.
///
/// # Errors
/// With column and field.
pub fn fields(writer: Writer, bytes: &[u8]) -> Result<Record, Fault> {
    Record::read(writer, bytes)
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// With column and field.
    fn read(writer: Writer, bytes: &[u8]) -> Result<Self, Fault> {
        let mut record = Self::default();
        let mut scan = Scan::new(bytes);
        record.fields(writer, &mut scan)?;
        if !scan.is_done() {
            return Err(scan.fault("the end of the line: one JSON object per line", ONE_RECORD_PER_LINE));
        }
        Ok(record)
    }

    fn fields(&mut self, writer: Writer, scan: &mut Scan<'_>) -> Result<(), Fault> {
        scan.object(|scan, key| {
            if scan.is_null() {
                return scan.value().map(drop);
            }
            let field = match writer {
                Writer::Vllm => writers::vllm,
                Writer::Sglang => writers::sglang,
                Writer::Olmoe => writers::olmoe,
            };
            if !field(self, scan, key)? {
                self.field(writer, scan, key)?;
            }
            Ok(())
        })
    }

    /// Reads a field that any writer may have.
    fn field(&mut self, writer: Writer, scan: &mut Scan<'_>, key: &[u8]) -> Result<(), Fault> {
        const COUNT: &str = "a whole number from 0";
        let name = || String::from_utf8_lossy(key).into_owned();
        let locate = |fault: Fault| fault.inside(&name());
        match key {
            // A sample's own id takes precedence over that of the request.
            b"sample_id" | b"custom_id" => self.id = Some(scan.parse::<IdText>("an id").map_err(locate)?.0),
            b"id" => {
                let IdText(id) = scan.parse("an id").map_err(locate)?;
                if self.id.is_none() && self.depth == 0 && !is_request_id(&id) {
                    self.id = Some(id);
                }
            }
            b"domain" => self.domain = Some(scan.parse("a name").map_err(locate)?),
            b"model" => self.model = scan.parse::<Option<String>>("a name").unwrap_or(None),
            b"step" => self.step = Some(scan.parse(COUNT).map_err(locate)?),
            b"loss" => self.loss = scan.number().map_err(locate)?.map(|loss| loss as f32),
            b"num_experts" | b"n_experts" | b"num_local_experts" | b"n_routed_experts" => {
                self.experts = Some(scan.parse(COUNT).map_err(locate)?);
            }
            b"num_hidden_layers" | b"num_layers" | b"n_layers" => {
                self.layers = Some(scan.parse(COUNT).map_err(locate)?);
            }
            // Not `top_k`: in responses that is a sampling parameter.
            b"num_experts_per_tok" => self.top_k = Some(scan.parse(COUNT).map_err(locate)?),
            b"prompt_token_ids" | b"input_ids" => self.prompt = tokens(scan)?.or(self.prompt),
            b"token_ids" | b"output_ids" => {
                let count = tokens(scan)?.map(|tokens| tokens.count);
                self.choice(0).generated = count;
            }
            b"usage" => self.usage(scan).map_err(locate)?,
            b"response" | b"body" if self.depth < 2 => {
                self.depth += 1;
                self.fields(writer, scan)?;
                self.depth -= 1;
            }
            _ => drop(scan.value()?),
        }
        Ok(())
    }
}

/// Whether an id identifies the request and not the sample, and thus differs at every checkpoint.
fn is_request_id(id: &str) -> bool {
    let prefixes = ["cmpl-", "chatcmpl-", "resp_", "gen-", "batch_req_"];
    let bare: String = id.chars().filter(|&c| c != '-').collect();
    prefixes.iter().any(|prefix| id.starts_with(prefix))
        || (bare.len() == 32 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_requests_are_recognized() {
        assert!(is_request_id("cmpl-1234"));
        assert!(is_request_id("123e4567-e89b-12d3-a456-426614174000"));
        assert!(!is_request_id("s3") && !is_request_id("gsm8k-17"));
    }

    #[test]
    fn the_response_of_a_batch_is_nested() {
        let text = br#"{"id":"batch_req_1","custom_id":"q7","response":{"status_code":200,"body":{"id":"cmpl-1","choices":[{"routed_experts":[[[1,0]]]}]}}}"#;
        let record =
            Record::read(Writer::Vllm, text).map_err(|fault| format!("{fault:?}")).expect("a record");
        assert_eq!(record.id.as_deref(), Some("q7"));
        assert!(record.has_ids());
    }

    #[test]
    fn rows_of_a_prompt_count_once() {
        let text = br#"{"prompt_routed_experts":[[[1,0]],[[2,0]]],"choices":[{"token_ids":[5],"routed_experts":[[[1,0]],[[2,0]]]}]}"#;
        let record =
            Record::read(Writer::Vllm, text).map_err(|fault| format!("{fault:?}")).expect("a record");
        assert_eq!(record.parts(0).len(), 1);
        let text = br#"{"prompt_routed_experts":[[[1,0]],[[2,0]]],"choices":[{"token_ids":[5,6],"routed_experts":[[[1,0]],[[2,0]]]}]}"#;
        let record =
            Record::read(Writer::Vllm, text).map_err(|fault| format!("{fault:?}")).expect("a record");
        assert_eq!(record.parts(0).len(), 2);
    }
}
