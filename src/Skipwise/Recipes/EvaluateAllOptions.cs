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

/// <summary>Models to compare, their evaluations, and the regression limits. An evaluation without input is skipped.</summary>
internal sealed record EvaluateAllOptions
{
    /// <summary>models; the first is the baseline. One folder may occur several times, with other RoPE settings or adapters</summary>
    public required IReadOnlyList<ModelSource> Models { get; init; }
    /// <summary>folder of the results; an earlier run in it is continued</summary>
    [PathName]
    public required string Out { get; init; }
    /// <summary>long documents for perplexity; null skips it</summary>
    public DataOptions? Data { get; init; }
    /// <summary>lengths in tokens of windows and prompts, the same for every model; empty takes the longest window and its halves, and the
    /// first model's original window</summary>
    [Within(1, 1 << 27)]
    public IReadOnlyList<int> Lengths { get; init; } = [];
    /// <summary>perplexity settings; its windows are <see cref="Lengths"/>. The loss by position is that of the longest window</summary>
    public PerplexityOptions Perplexity { get; init; } = new()
    {
        Windows = [],
        PositionBins = 8,
        MaxTotalTokens = EvaluatePerplexityOptions.DefaultMaxTotalTokens,
    };
    /// <summary>passkey settings; its lengths are <see cref="Lengths"/>. A grid of five depths</summary>
    public PasskeyOptions Passkey { get; init; } = new() { Lengths = [], Grid = 5, Trials = 10 };
    /// <summary>needle settings; its lengths are <see cref="Lengths"/>. Null skips it</summary>
    public NeedleOptions? Needle { get; init; } = new() { Lengths = [], Depths = 5, Trials = 4 };
    /// <summary>RULER settings; its lengths are <see cref="Lengths"/>. Null, the default, skips it: it is the slowest evaluation</summary>
    public RulerOptions? Ruler { get; init; }
    /// <summary>text files and folders for the haystack; none uses Skipwise's own prose</summary>
    [PathName]
    public IReadOnlyList<string> Haystack { get; init; } = [];
    /// <summary>how the haystack's files are split into documents</summary>
    public DocumentOptions Documents { get; init; } = new();
    /// <summary>SQuAD's JSON file, for RULER's qa_1</summary>
    [PathName]
    public string? Squad { get; init; }
    /// <summary>HotpotQA's JSON file, for RULER's qa_2</summary>
    [PathName]
    public string? Hotpot { get; init; }
    /// <summary>device and element type</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>folder with the benchmarks' public files; null skips them</summary>
    [PathName]
    public string? TasksData { get; init; }
    /// <summary>benchmarks by name; empty takes all that the folder has files for</summary>
    public IReadOnlyList<string> Tasks { get; init; } = [];
    /// <summary>benchmark settings</summary>
    public TaskOptions Benchmarks { get; init; } = new();
    public EffectiveLengthRule EffectiveLength { get; init; } = new();
    public GateOptions Gates { get; init; } = new();
}
