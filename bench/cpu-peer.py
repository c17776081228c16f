"""transformers' Llama on a case of bench/run, on the processor: SDPA, all logits, AdamW, gradients clipped.

    cpu-peer.py CASE [--steps N] [--threads N] [--dtype bfloat16]      takes the steps, prints one JSON line

Positions are contiguous here: transformers would take skipped ones for packed documents and leave the fast attention.
"""
import argparse
import contextlib
import json
import os
import resource
import statistics
import time

import torch
import transformers

SMALL = dict(vocab_size=8192, hidden_size=320, intermediate_size=864, num_hidden_layers=8, num_attention_heads=5)
BASE = dict(vocab_size=32000, hidden_size=768, intermediate_size=2048, num_hidden_layers=12, num_attention_heads=12)
# name: shape, batch, window, whether it trains, steps
CASES = {
    "i-4x512": (SMALL, 4, 512, True, 8),
    "i-1x2048": (SMALL, 1, 2048, True, 15),
    "i-1x4096": (SMALL, 1, 4096, True, 4),
    "ii-1x1024": (BASE, 1, 1024, True, 4),
    "i-forward-8192": (SMALL, 1, 8192, False, 4),
}
NAME = f"transformers {transformers.__version__}, PyTorch {torch.__version__}"


def measure(case, steps, dtype):
    shape, batch, window, trains, usual = CASES[case]
    config = transformers.LlamaConfig(
        **shape, num_key_value_heads=shape["num_attention_heads"], max_position_embeddings=16384, tie_word_embeddings=False,
        use_cache=False, rope_scaling={"rope_type": "linear", "factor": 8.0})
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="sdpa")
    model.train(trains)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0)
    wall, cpu = [], []
    for _ in range((steps or usual) + 1):
        ids = torch.randint(0, config.vocab_size, (batch, window))
        begun, spent = time.perf_counter(), time.process_time()
        cast = torch.autocast("cpu", dtype=torch.bfloat16) if dtype == "bfloat16" else contextlib.nullcontext()
        with cast, torch.set_grad_enabled(trains):
            loss = model(input_ids=ids, labels=ids).loss
        if trains:
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        loss.item()
        wall.append(time.perf_counter() - begun)
        cpu.append(time.process_time() - spent)
    print(json.dumps({
        "case": case,
        "side": NAME,
        "tokens": batch * window,
        "wall_seconds": statistics.median(wall[1:]),
        "cpu_seconds": statistics.median(cpu[1:]),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--dtype")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    measure(options.case, options.steps, options.dtype)
