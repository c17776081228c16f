"""transformers' Llama on the steps of bench/gpu: the same shape, batch and window, SDPA, bfloat16, fused AdamW, gradients clipped. Prints one JSON line.

Positions are contiguous here: transformers would take skipped ones for packed documents and leave the fast attention.
"""
import json
import statistics
import sys
import time

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

WINDOW, WARM, TIMED = 2048, 3, 10
ONE = dict(hidden_size=2048, intermediate_size=5632, num_hidden_layers=22, num_attention_heads=32, num_key_value_heads=4)
SEVEN = dict(hidden_size=4096, intermediate_size=11008, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=32)
# name: shape, batch, type of the weights, LoRA rank
CHECKS = {
    "peer-1b": (ONE, 8, torch.float32, 0),  # float32 weights under autocast: the precision of Skipwise's masters
    "peer-1b-bfloat16-weights": (ONE, 8, torch.bfloat16, 0),
    "peer-7b-lora": (SEVEN, 4, torch.bfloat16, 16),
}


def taken():
    free, size = torch.cuda.mem_get_info()
    return size - free


def main(name):
    shape, batch, dtype, rank = CHECKS[name]
    torch.manual_seed(1)
    torch.zeros(1, device="cuda") @ torch.zeros(1, device="cuda")
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
        "weights": str(dtype).split(".")[-1],
        "tokens_per_second": round(batch * WINDOW / median, 1),
        "step_seconds": round(median, 4),
        "peak_gib": round((taken() - before) / 2**30, 2),
        "last_loss": round(last, 4),
    }))


if __name__ == "__main__":
    main(sys.argv[1])
