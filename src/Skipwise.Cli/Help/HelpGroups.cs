using System.CommandLine;

namespace Skipwise.Cli.Help;

/// <summary>The groups of options in help texts: an option of one name is in one group, whatever the verb.</summary>
internal static class HelpGroups
{
    public const string General = "General";

    /// <summary>names by group, in the order of help texts; a test compares them with the options that there are</summary>
    private static readonly (string Group, string[] Options)[] s_groups =
    [
        ("Model", ["--model", "--adapter", "--tuned", "--average", "--reference", "--atol", "--sequence-length", "--window", "--vocab-size",
            "--hidden-size", "--intermediate-size", "--layers", "--heads"]),
        ("Data", ["--data", "--text-field", "--separator", "--max-document-mb", "--max-decompression-ratio", "--min-document-tokens",
            "--split-after", "--documents", "--prompt", "--prompt-file", "--system", "--document-length", "--haystack", "--squad",
            "--hotpot", "--tasks-data", "--from"]),
        ("PoSE", ["--target-length", "--train-length", "--positions", "--chunks", "--length-rule", "--content", "--end-share",
            "--mask-seams", "--from-document-start", "--extension", "--epoch", "--index"]),
        ("RoPE", ["--rope", "--rope-factor", "--rope-original-length", "--rope-theta", "--rope-pilot-steps"]),
        ("Training", ["--steps", "--epochs", "--batch-size", "--gradient-accumulation", "--global-batch-size", "--recompute-every",
            "--packing", "--list-steps", "--freeze-pad-embedding", "--spike-threshold", "--max-bad-steps", "--seed", "--seeds", "--quick"]),
        ("Optimizer", ["--learning-rate", "--warmup-steps", "--schedule", "--min-lr-ratio", "--learning-rate-scale", "--optimizer",
            "--offload", "--shard", "--weight-decay", "--adam-beta1", "--adam-beta2", "--adam-eps", "--max-grad-norm"]),
        ("LoRA", ["--lora-rank", "--lora-alpha", "--lora-dropout", "--lora-target-modules", "--lora-train", "--quantization-bits",
            "--merge"]),
        ("Saving", ["--out", "--check", "--format", "--for", "--results", "--resume", "--save-every", "--keep-last", "--tensorboard",
            "--save-trials", "--cache"]),
        ("Measuring", ["--lengths", "--tasks", "--list", "--trials", "--samples", "--depths", "--random-depths", "--max-depth",
            "--variant", "--mode", "--stride", "--scored-tokens", "--min-tokens", "--max-tokens", "--max-total-tokens",
            "--max-documents", "--position-bins", "--limit", "--num-fewshot", "--harness", "--bos", "--max-length",
            "--bootstrap-iters", "--benchmarks", "--needle", "--question", "--answer", "--needle-file", "--num-distractors",
            "--distractor", "--buffer", "--threshold", "--low-coverage-ratio", "--needle-trials", "--ruler-samples", "--eval-every",
            "--eval-data", "--eval-lengths", "--eval-documents", "--eval-passkey-lengths", "--eval-passkey-trials", "--patience"]),
        ("Gates", ["--min-passkey", "--max-short-ppl-increase", "--min-effective-length", "--effective-passkey", "--effective-ruler"]),
        ("Generation", ["--chat", "--max-new-tokens", "--stop", "--temperature", "--top-k", "--top-p", "--min-p",
            "--repetition-penalty"]),
        ("Server", ["--host", "--port", "--api-key", "--queue", "--kv-cache-mb", "--prompt-cache", "--context-length"]),
        ("Machine", ["--device", "--dtype", "--quantize", "--kv-cache-dtype", "--tf32", "--threads", "--ranks", "--fit", "--memory"]),
        (General, ["--config", "--json", "--quiet", "--help", "--version"]),
    ];

    /// <summary>what most users give, the most used first</summary>
    private static readonly string[] s_mostUsed =
    [
        "--model", "--data", "--target-length", "--out", "--lengths", "--tasks", "--tasks-data", "--prompt", "--needle", "--steps",
        "--trials", "--samples", "--adapter", "--batch-size", "--learning-rate", "--resume", "--lora-rank", "--rope", "--eval-data",
        "--haystack", "--min-passkey", "--max-short-ppl-increase", "--limit", "--max-new-tokens", "--temperature", "--mode", "--list",
        "--fit", "--depths", "--num-fewshot", "--max-total-tokens", "--device", "--dtype", "--seed",
    ];

    private static readonly Dictionary<string, string> s_groupOf =
        s_groups.SelectMany(group => group.Options.Select(option => (option, group.Group))).ToDictionary();

    /// <summary>in the order of help texts</summary>
    public static IEnumerable<string> Names => s_groups.Select(group => group.Group);

    /// <summary>Every option that has a group.</summary>
    public static IEnumerable<string> Options => s_groupOf.Keys;

    /// <exception cref="KeyNotFoundException">an option without a group</exception>
    public static string Of(Option option) => s_groupOf[option.Name];

    /// <summary>Those that have to be given, then the most used.</summary>
    public static IEnumerable<Option> MostUsed(IReadOnlyList<Option> options, int count) =>
        options.Where(option => option.Required || Rank(option) >= 0)
            .OrderBy(option => option.Required ? -1 : Rank(option)).Take(count);

    private static int Rank(Option option) => Array.IndexOf(s_mostUsed, option.Name);
}
