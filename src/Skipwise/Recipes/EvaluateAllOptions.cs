using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Documents;
using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Ruler;
using Skipwise.Evaluation.Tasks;
using Skipwise.Runtime;

namespace Skipwise.Recipes;

/// <summary>Models to compare, what to measure them with, and the limits they must keep. What has no input is skipped.</summary>
internal sealed record EvaluateAllOptions
{
    /// <summary>the first is what the others are compared with. One folder may stand for several, with other ropes or adapters</summary>
    public required IReadOnlyList<ModelSource> Models { get; init; }
    /// <summary>folder of the results; one that an earlier run left is continued</summary>
    [PathName(Name = "--out")]
    public required string Out { get; init; }
    /// <summary>long documents for perplexity; null skips it</summary>
    public DataOptions? Data { get; init; }
    /// <summary>lengths in tokens of windows and prompts, the same for every model; empty takes the longest window and its halves, and the
    /// first model's original window</summary>
    [Within(1, 1 << 27)]
    public IReadOnlyList<int> Lengths { get; init; } = [];
    /// <summary>how perplexity is measured; its windows are <see cref="Lengths"/>. The loss by position is that of the longest
    /// one</summary>
    public PerplexityOptions Perplexity { get; init; } = new() { Windows = [], PositionBins = 8 };
    /// <summary>how passkeys are asked for; its lengths are <see cref="Lengths"/>. A grid of five depths</summary>
    public PasskeyOptions Passkey { get; init; } = new() { Lengths = [], Grid = 5, Trials = 10 };
    /// <summary>how needles are looked for; its lengths are <see cref="Lengths"/>. Null skips it</summary>
    public NeedleOptions? Needle { get; init; } = new() { Lengths = [], Depths = 5, Trials = 4 };
    /// <summary>how RULER is run; its lengths are <see cref="Lengths"/>. Null skips it, as here: it is the dearest of all</summary>
    public RulerOptions? Ruler { get; init; }
    /// <summary>text files and folders to hide things in; none takes prose of Skipwise's own</summary>
    [PathName(Name = "--haystack")]
    public IReadOnlyList<string> Haystack { get; init; } = [];
    /// <summary>how the haystack's files become documents</summary>
    public DocumentOptions Documents { get; init; } = new();
    /// <summary>SQuAD's JSON file, for RULER's qa_1</summary>
    [PathName(Name = "--squad")]
    public string? Squad { get; init; }
    /// <summary>HotpotQA's JSON file, for RULER's qa_2</summary>
    [PathName(Name = "--hotpot")]
    public string? Hotpot { get; init; }
    /// <summary>where and in which type the models compute</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>folder with the benchmarks' public files; null skips them</summary>
    [PathName(Name = "--tasks-data")]
    public string? TasksData { get; init; }
    /// <summary>benchmarks by name; empty takes all that the folder has files for</summary>
    public IReadOnlyList<string> Tasks { get; init; } = [];
    /// <summary>how benchmarks are scored</summary>
    public TaskOptions Benchmarks { get; init; } = new();
    public EffectiveLengthRule EffectiveLength { get; init; } = new();
    public GateOptions Gates { get; init; } = new();
}
