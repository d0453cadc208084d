"""The probe set and its hash."""

import hashlib
import json

import pytest

from grokscope import ProbeSet, Sample
from grokscope.batches import plan, share
from grokscope.errors import SamplesError


def written(folder, *lines):
    path = folder / "samples.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), encoding="utf-8")
    return path


ONE = {"id": "a", "domain": "math", "input_ids": [1, 2, 3]}


def test_samples_are_read_with_defaults(tmp_path):
    path = written(tmp_path, ONE, "", {"id": 7, "text": "two words"})
    probe = ProbeSet.read(path)
    assert probe.labels == [{"id": "a", "domain": "math"}, {"id": "7", "domain": "all"}]
    tokens = probe.tokenized(lambda text: [len(word) for word in text.split()])
    assert [(one.ids, one.targets) for one in tokens] == [((1, 2, 3), (2, 3, -100)), ((3, 5), (5, -100))]


def test_the_hash_is_of_the_content_alone(tmp_path):
    known = ProbeSet.read(written(tmp_path, ONE, {"id": "b", "text": "ä"})).hash
    other = "\ufeff" + '{"input_ids": [1,2,3], "extra": 1, "domain":"math", "id":"a"}\n\n{"text": "\\u00e4", "id": "b"}\n'
    assert ProbeSet.read(written(tmp_path, other)).hash == known
    # Fixed for good: the hash is in every trace that was ever written.
    content = b'{"max_tokens":null}\n{"domain":"math","id":"a","input_ids":[1,2,3]}\n{"domain":"all","id":"b","text":"\\u00e4"}\n'
    assert known == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_everything_that_is_measured_changes_the_hash():
    base = Sample("a", "math", (1, 2, 3))
    probes = [
        ProbeSet([base]),
        ProbeSet([base], max_tokens=2),
        ProbeSet([Sample("a", "code", (1, 2, 3))]),
        ProbeSet([Sample("b", "math", (1, 2, 3))]),
        ProbeSet([Sample("a", "math", (1, 2, 4))]),
        ProbeSet([Sample("a", "math", (1, 2, 3), targets=(2, -100, -100))]),
        ProbeSet([Sample("a", "math", text="x")]),
        ProbeSet([base, Sample("b", "math", (1,))]),
        ProbeSet([Sample("b", "math", (1,)), base]),
    ]
    assert len({probe.hash for probe in probes}) == len(probes)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "line 2: not a JSON object"),
        ({"text": "x"}, "line 2: no `id`"),
        ({"id": True, "text": "x"}, "line 2: no `id`"),
        ({"id": "b"}, "line 2: neither `input_ids` nor `text`"),
        ({"id": "b", "input_ids": [1.5]}, "line 2: `input_ids` is not a list of whole numbers"),
        ({"id": "b", "input_ids": [1], "targets": "x"}, "`targets` is not a list"),
        (ONE, "two samples have the id 'a'"),
    ],
)
def test_a_bad_line_is_named(tmp_path, line, words):
    with pytest.raises(SamplesError, match=words):
        ProbeSet.read(written(tmp_path, ONE, line))


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (Sample("b", text="x"), "there is no tokenizer"),
        (Sample("b", input_ids=()), "has no tokens"),
        (Sample("b", input_ids=(1, 2), targets=(1,)), "2 token ids and 1 targets"),
    ],
)
def test_samples_without_usable_tokens_are_named(sample, words):
    with pytest.raises(SamplesError, match=words):
        ProbeSet([sample]).tokenized()


def test_no_samples_and_no_file(tmp_path):
    with pytest.raises(SamplesError, match="no samples"):
        ProbeSet.read(written(tmp_path, "", " "))
    with pytest.raises(SamplesError, match=r"missing\.jsonl: No such file.*Give the path"):
        ProbeSet.read(tmp_path / "missing.jsonl")
    (tmp_path / "bad.jsonl").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SamplesError, match="not UTF-8"):
        ProbeSet.read(tmp_path / "bad.jsonl")


def test_batches_are_the_same_for_every_number_of_shards():
    lengths = [5, 1, 9, 9, 2, 7, 3]
    batches = plan(lengths, 2)
    assert batches == [[1, 4], [6, 0], [5, 2], [3]]
    for count in (1, 2, 3):
        shared = [batch for index in range(count) for batch in share(batches, index, count)]
        assert sorted(shared) == sorted(batches)
