"""The tokenizer of the model: of CLIP's kind, with a vocabulary of its own. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

TEXT_LENGTH = 32
START, END = "<|startoftext|>", "<|endoftext|>"


def tokenizer(words: Iterable[str]) -> CLIPTokenizer:
    """A byte-level BPE in which each of `words` is one token; all other text falls apart into letters."""
    bpe = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    bpe.normalizer = normalizers.Lowercase()
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=10_000, end_of_word_suffix="</w>", initial_alphabet=alphabet, min_frequency=1, show_progress=False
    )
    bpe.train_from_iterator([" ".join([word] * 50) for word in words], trainer)
    state = __import__("json").loads(bpe.to_str())["model"]
    merges = [tuple(pair) if isinstance(pair, list) else tuple(pair.split(" ")) for pair in state["merges"]]
    pieces = [*alphabet, *(letter + "</w>" for letter in alphabet), *("".join(pair) for pair in merges)]
    vocab = {piece: index for index, piece in enumerate(dict.fromkeys([*pieces, START, END]))}
    return CLIPTokenizer(
        vocab=vocab, merges=merges, model_max_length=TEXT_LENGTH, bos_token=START, eos_token=END, unk_token=END, pad_token=END
    )
