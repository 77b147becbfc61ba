"""Golden tokens of transformers' CLIPTokenizer, for a small vocabulary that is learned here.

    python references/golden/clip_tokenizer.py    # writes references/golden/clip_tokenizer and clip_tokenizer_json

The first folder has vocab.json and merges.txt, as the first pipelines of Stable Diffusion store them; the second has tokenizer.json
alone and fills up with "!", as the second tokenizer of SDXL does.
"""

import json
import pathlib
import random
import shutil
import tempfile

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

GOLDEN = pathlib.Path(__file__).parent
NOUNS = "cat dog house tree river mountain photo painting sketch portrait robot castle ocean forest woman man child bird".split()
KINDS = "small large old bright dark golden red blue green quiet stormy ancient detailed highly beautiful wooden".split()
PLACES = "in the morning, at night, under the stars, by the sea, on a table, in Paris, with soft light, in oil, 4k".split(", ")

AWKWARD = [
    "", " ", "\n\t  \r\n", "a", "A photo of a cat", "a  photo\tof \n a   dog ", "it's don't WE'LL they've I'm you're he'd",
    "'s 't 're 've 'm 'll 'd '' ''s 'S", "12 3456 7.89 1,000 ½ Ⅷ ٣ 四", "naïve café CAFÉ cafe\u0301 Ångstro\u0308m \u212b",
    "İstanbul ıI ẞ ß ΣΑΣ ΌΔΟΣ ǅ", "日本語のテキスト 中文 한국어 \u1112\u1161\u11ab", "नमस्ते दुनिया क़", "สวัสดี ภาษาไทย", "مرحبا بالعالم ١٢٣",
    "🙂 👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 ☺️", "zero\u200bwidth\u200djoin\ufeff nb\u00a0sp \u2003em \u3000wide \u1680 \u180e", "x\u0301\u0323 q\u0307\u0323 \u0301alone",
    "<|startoftext|>", "a <|endoftext|> b", "<|ENDOFTEXT|>a", "a<|endoftext|>!!<|startoftext|>?", "x<|endoftext|", "<|StartOfText|><|",
    "!", "!!!", "hello!world!", "a!b !! c", "~!@#$%^&*()_+{}|:\"<>?`-=[]\\;',./", "...---...", "http://example.com/a?b=c&d=e#f",
    "snake_case camelCase kebab-case", "\x00\x01\x7f\x80\x9f\xad", "\U0001d4b3\U0001d4b4 \U0010ffff \ue000 \ufffd", "ﬁ ﬂ ﬀ Ⅳ ⅳ ª º ² ³ ¹",
    "ｆｕｌｌ ｗｉｄｔｈ １２", "a" * 300, "cat" * 200, "photo of a cat " * 40, "word " * 75, "word " * 76, "1" * 80, "é" * 90, "😀" * 30,
]


def fuzz(count):
    random.seed(7)
    ranges = [(0x20, 0x7e), (0x20, 0x7e), (0xa0, 0x17f), (0x300, 0x36f), (0x370, 0x52f), (0x590, 0x6ff), (0x900, 0xdff),
              (0x1100, 0x11ff), (0x1e00, 0x1fff), (0x2000, 0x214f), (0x2150, 0x2bff), (0x3000, 0x30ff), (0x4e00, 0x4fff),
              (0xac00, 0xacff), (0xf900, 0xfaff), (0xfb00, 0xfdff), (0x1d15e, 0x1d1c0), (0x1f300, 0x1f6ff), (0x2f800, 0x2f9ff)]
    for _ in range(count):
        chosen = random.sample(ranges, random.randint(1, 4))
        text = "".join(chr(random.randint(*random.choice(chosen))) for _ in range(random.randint(1, 24)))
        yield text.replace("!", random.choice(["!", " ", "'s"]))


def learn(count):
    """The vocabulary and merges of `count` pairs, in the order of CLIP's."""
    random.seed(3)
    texts = [f"a {random.choice(KINDS)} {random.choice(NOUNS)} and a {random.choice(NOUNS)}'s {random.choice(KINDS)} "
             f"{random.choice(NOUNS)} {random.choice(PLACES)} ... it's {random.randint(0, 99)}!! café naïve 日本" for _ in range(2000)]
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "on", "er", "ing", "é")]
    texts += [" ".join("".join(random.choices(syllables, k=random.randint(1, 4))) for _ in range(20)) for _ in range(200)]
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    whole = CLIPTokenizer().backend_tokenizer
    learner.normalizer, learner.pre_tokenizer = whole.normalizer, whole.pre_tokenizer
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet(), key=ord)
    trainer = trainers.BpeTrainer(vocab_size=10_000, end_of_word_suffix="</w>", initial_alphabet=alphabet, show_progress=False)
    learner.train_from_iterator(texts, trainer)
    pairs = [pair if isinstance(pair, list) else pair.split(" ") for pair in json.loads(learner.to_str())["model"]["merges"]]
    pairs = pairs[:count]
    names = alphabet + [char + "</w>" for char in alphabet] + [a + b for a, b in pairs] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(set(names)) == len(names)
    return {name: index for index, name in enumerate(names)}, pairs


def save(folder, tokenizer):
    texts = AWKWARD + list(fuzz(160))
    cases = []
    for text in texts:
        whole = tokenizer(text).input_ids
        padded = tokenizer(text, padding="max_length", max_length=tokenizer.model_max_length, truncation=True).input_ids
        case = {"text": text, "ids": whole[1:-1]}
        assert whole[0] == tokenizer.bos_token_id and whole[-1] == tokenizer.eos_token_id
        ids = whole[:-1][:76]
        assert padded == ids + [whole[-1]] + [tokenizer.pad_token_id] * (76 - len(ids)), text
        cases.append(case)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (folder / "cases.json").write_text(f"[\n{lines}\n]\n")
    print(folder, len(cases), "texts;", sum(path.stat().st_size for path in folder.iterdir()), "bytes")


def variants(plain):
    """Ways in which folders name special tokens, and what becomes of one text."""
    text = "a<|ENDofTEXT|>b <|endoftext|>! <|STARToftext|>"
    token = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    config = json.loads((plain / "tokenizer_config.json").read_text())
    start, end = (config[role] for role in ("bos_token", "eos_token"))
    decoder = {"812": {"content": start, **token, "special": True}, "813": {"content": end, **token, "special": True}}
    # Without and with a list of added tokens, which makes the map of special ones count no more; tokens with their options.
    cases = [({}, {"pad_token": "!"}), ({"added_tokens_decoder": decoder}, {"pad_token": "!"}),
             ({role: {"__type": "AddedToken", "content": config[role], **token} for role in ("bos_token", "eos_token")}, {}),
             ({"pad_token": {"__type": "AddedToken", "content": "!", **token}}, {})]
    found = []
    for changes, special in cases:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name in ("vocab.json", "merges.txt"):
                shutil.copy(plain / name, folder)
            (folder / "tokenizer_config.json").write_text(json.dumps({**config, **changes}))
            if special:
                (folder / "special_tokens_map.json").write_text(json.dumps(special))
            tokenizer = CLIPTokenizer.from_pretrained(folder)
            ids = tokenizer(text, padding="max_length", max_length=40).input_ids
            found.append({"config": {**config, **changes}, "map": special, "text": text, "ids": ids})
    (plain / "variants.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def main():
    vocabulary, merges = learn(300)
    plain = GOLDEN / "clip_tokenizer"
    shutil.rmtree(plain, ignore_errors=True)
    plain.mkdir()
    (plain / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, separators=(",", ":")))
    (plain / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    (plain / "tokenizer_config.json").write_text(json.dumps({
        "add_prefix_space": False, "bos_token": "<|startoftext|>", "do_lower_case": True, "eos_token": "<|endoftext|>",
        "model_max_length": 77, "pad_token": "<|endoftext|>", "tokenizer_class": "CLIPTokenizer", "unk_token": "<|endoftext|>",
    }, indent=1))
    variants(plain)
    save(plain, CLIPTokenizer.from_pretrained(plain))

    other = GOLDEN / "clip_tokenizer_json"
    shutil.rmtree(other, ignore_errors=True)
    CLIPTokenizer.from_pretrained(plain, pad_token="!").save_pretrained(other)
    for path in other.iterdir():
        path.write_text(json.dumps(json.loads(path.read_text()), ensure_ascii=False, separators=(",", ":")))
    save(other, CLIPTokenizer.from_pretrained(other))


if __name__ == "__main__":
    main()
