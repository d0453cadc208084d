"""Writes small tokenizers of the kinds in OLMoE checkpoints, and the ids that Hugging Face's library gives for them.

Needs tokenizers. Writes tests/fixtures/tokenizer: `neox.json` (like GPT-NeoX and OLMoE-1B-7B-0924: NFC, byte level,
runs of spaces as added tokens), `split.json` (like GPT-4 and later models: splits with a pattern first), and
`golden.json` with ids of strings and of prompts with continuations. Both tokenizers enable truncation, padding and a
BOS token; the ids must contain none of these.
"""

import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

FOLDER = pathlib.Path(__file__).parent.parent / "fixtures" / "tokenizer"

CORPUS = [
    "The quick brown fox jumps over the lazy dog. The dog doesn't mind; it's lazy, they'd say.",
    "Question: What is 17 + 25? Answer: 42. Question: What is 1024 - 512? Answer: 512.",
    "def add(a, b):\n    return a + b\n\n\nclass Point:\n    def __init__(self, x, y):\n        self.x = x\n",
    "Grüße aus Köln: naïve café, señor, Ångström, Łódź. Привет, мир! Γειά σου Κόσμε.",
    "東京は日本の首都です。你好，世界！안녕하세요 세계.",
    "\\frac{1}{2} \\sum_{i=0}^{n} x_i^2 \\leq \\sqrt{2}",
    "When does a mixture of experts stop to memorize and start to generalize? The router knows.",
]

STRINGS = [
    "Hello world",
    " Hello world",
    "hello",
    "The quick brown fox jumps over the lazy dog.",
    "it's they'd we'll I'm you've DON'T It'S",
    "1234567890",
    "3.14159 and 1,000,000",
    "a  b",
    "a   b    c",
    "trailing space ",
    "trailing spaces   ",
    "   leading spaces",
    " ",
    "    ",
    "\n",
    "\n\n",
    "line\nbreak",
    "line\r\nbreak\r\n",
    "tab\tseparated\t\tvalues",
    "def f(x):\n    return x\n\n\n    # done\n",
    "caf\u00e9",
    "cafe\u0301",
    "\u212bngstr\u00f6m and A\u030angstro\u0308m",
    "\ufb01ne \u2460 \u00bd",
    "Привет, мир!",
    "Γειά σου Κόσμε",
    "東京は日本の首都です。",
    "你好，世界！",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 한글",
    "مرحبا بالعالم",
    "🙂",
    "👩‍👩‍👧‍👦 family 🏳️‍🌈",
    "a🙂b 🙂",
    "<|endoftext|>",
    "one<|endoftext|>two",
    "one <|endoftext|> two",
    "<|endoftext|><|padding|>",
    "<|endoftex|> <|ENDOFTEXT|>",
    "\u00a0no-break\u2003em\u3000ideographic",
    "zero\u200bwidth \u200d joiner",
    "\x00\x01\x7f control",
    "\\frac{1}{2} \\leq x_i^2",
    "!!!???...---===",
    "supercalifragilisticexpialidocious",
    "MixedCASE camelCaseWords snake_case_words",
    "\ue000 private \U0010ffff last",
]

PAIRS = [
    ("Question: What is 17 + 25? Answer:", " 42"),
    ("Question: What is 17 + 25? Answer: ", "42"),
    ("Question: What is 17 + 25? Answer:  \n", "42"),
    ("The dog is", " lazy"),
    ("The dog is", "lazy"),
    ("The dog is la", "zy"),
    ("return a + b\n", "\n\nclass"),
    ("caf", "e\u0301s"),
    ("cafe", "\u0301s are open"),
    ("naïve ", " café"),
    ("東京は", "日本の首都です。"),
    ("one\x1c\x1f", "two"),
]

# The pattern of GPT-4, as in the tokenizer.json of models that use it.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)


def train(split):
    tokenizer = Tokenizer(models.BPE())
    if split:
        pieces = pre_tokenizers.Split(Regex(PATTERN), "isolated")
        bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pieces, bytes_only])
    else:
        tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [] if split else ["<|endoftext|>", "<|padding|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=480,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS * 2, trainer)
    if split:
        tokenizer.add_special_tokens(["<|endoftext|>", "<|padding|>"])
    else:
        tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    first = ("<|endoftext|>", tokenizer.token_to_id("<|endoftext|>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="<|endoftext|> $A", special_tokens=[first])
    return tokenizer


def ids(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


def pair(tokenizer, context, continuation):
    """`_encode_pair` of lm-evaluation-harness."""
    spaces = len(context) - len(context.rstrip())
    if spaces > 0:
        continuation = context[-spaces:] + continuation
        context = context[:-spaces]
    whole = ids(tokenizer, context + continuation)
    prompt = ids(tokenizer, context)
    return [prompt, whole[len(prompt) :]]


def main():
    FOLDER.mkdir(exist_ok=True)
    golden = {"strings": STRINGS, "pairs": PAIRS}
    for name, split in [("neox", False), ("split", True)]:
        tokenizer = train(split)
        golden[name] = {
            "ids": [ids(tokenizer, text) for text in STRINGS],
            "decoded": [tokenizer.decode(ids(tokenizer, text), skip_special_tokens=False) for text in STRINGS],
            "pairs": [pair(tokenizer, *given) for given in PAIRS],
        }
        tokenizer.enable_truncation(4)
        tokenizer.enable_padding(length=16)
        tokenizer.save(str(FOLDER / f"{name}.json"), pretty=False)
    text = json.dumps(golden, ensure_ascii=True)
    (FOLDER / "golden.json").write_text(text.replace('], "', '],\n"') + "\n")


if __name__ == "__main__":
    main()
