"""transformers' Llama on the steps of bench/gpu: the same shape, batch and window, SDPA, bfloat16, fused AdamW, gradients clipped.

    gpu-peer.py CHECK                   takes the steps, prints one JSON line
    gpu-peer.py compare results.jsonl   Skipwise's checks over these, as one JSON line

Positions are contiguous here: transformers would take skipped ones for packed documents and leave the fast attention.
"""
import json
import statistics
import sys
import time

WINDOW, WARM, TIMED = 2048, 3, 10
ONE = dict(hidden_size=2048, intermediate_size=5632, num_hidden_layers=22, num_attention_heads=32, num_key_value_heads=4)
SEVEN = dict(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=32)
# name: shape, batch, type of the weights, LoRA rank
CHECKS = {
    "peer-1b": (ONE, 8, "float32", 0),  # float32 weights under autocast: the precision of Skipwise's masters
    "peer-1b-bfloat16-weights": (ONE, 8, "bfloat16", 0),
    "peer-7b-lora": (SEVEN, 4, "bfloat16", 16),
}
# Skipwise's check: the peer's, and the bars on tokens/s (at least) and on peak memory (at most), where the project sets them
PAIRS = {"pose-1b": ("peer-1b", 1.0, 0.8), "pose-7b-lora": ("peer-7b-lora", None, None)}


def compare(path):
    with open(path) as lines:
        results = {result["check"]: result for result in map(json.loads, lines)}
    found, passed = {}, True
    for ours, (theirs, least, most) in PAIRS.items():
        a, b = results.get(ours, {}), results.get(theirs, {})
        if not all("tokens_per_second" in side for side in (a, b)):
            continue
        speed, memory = a["tokens_per_second"] / b["tokens_per_second"], a["peak_gib"] / b["peak_gib"]
        found[ours] = {"tokens_per_second_ratio": round(speed, 3), "peak_ratio": round(memory, 3)}
        passed &= (least is None or speed >= least) and (most is None or memory <= most)
    print(json.dumps({**found, "passed": passed and bool(found)}, separators=(",", ":")))


def measure(name):
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    def taken():
        free, size = torch.cuda.mem_get_info()
        return size - free

    shape, batch, weights, rank = CHECKS[name]
    dtype = getattr(torch, weights)
    torch.manual_seed(1)
    _ = torch.zeros(1, device="cuda") @ torch.zeros(1, device="cuda")  # the context is no part of what follows
    before = taken()
    config = LlamaConfig(vocab_size=32000, max_position_embeddings=131072, tie_word_embeddings=False, use_cache=False, **shape)
    with torch.device("cuda"):
        model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").to(dtype)
    if rank:
        from peft import LoraConfig, get_peft_model

        model = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]))
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=2e-5, fused=True)
    seconds = []
    for step in range(WARM + TIMED):
        ids = torch.randint(0, config.vocab_size, (batch, WINDOW), device="cuda")
        torch.cuda.synchronize()
        begun = time.perf_counter()
        with torch.autocast("cuda", dtype=torch.bfloat16):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        last = loss.item()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begun)
    median = statistics.median(seconds[WARM:])
    print(json.dumps({
        "batch": batch,
        "window": WINDOW,
        "weights": weights,
        "tokens_per_second": round(batch * WINDOW / median, 1),
        "step_seconds": round(median, 4),
        "peak_gib": round((taken() - before) / 2**30, 2),
        "last_loss": round(last, 4),
    }))


if __name__ == "__main__":
    if sys.argv[1] == "compare":
        compare(sys.argv[2])
    else:
        measure(sys.argv[1])
