using Skipwise.Checkpoints;
using Skipwise.Evaluation;
using Skipwise.Models;
using Skipwise.Storage;
using Skipwise.Text;

namespace Skipwise.Recipes;

/// <summary>A model, and how to ask it for passkeys.</summary>
public sealed record EvaluatePasskeyOptions
{
    /// <summary>Hugging Face folder</summary>
    public required string Model { get; init; }
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>how; an empty list of lengths stands for <see cref="ModelLengths"/></summary>
    public PasskeyOptions Passkey { get; init; } = new() { Lengths = [] };
}

/// <summary>Passkey results, and the options they were measured with.</summary>
public sealed record PasskeyMeasurement(string Model, PasskeyOptions Options, IReadOnlyList<PasskeyResult> Results)
{
    public IReadOnlyList<EvaluationRecord> Records => [.. Results.Select(result => result.ToRecord(Model, Options))];

    /// <summary>Writes every prompt with its answer, one JSON line each.</summary>
    public void SaveTrials(string path) =>
        AtomicFile.WriteText(path, string.Concat(Results.SelectMany(result => result.Trials).Select(trial => EvaluationJson.Line(trial) + "\n")));
}

/// <summary>Measures passkey retrieval by length and depth.</summary>
public static class EvaluatePasskey
{
    /// <exception cref="SkipwiseException">a model that cannot be read, or an impossible setting</exception>
    public static PasskeyMeasurement Run(EvaluatePasskeyOptions options, IProgress<EvaluationProgress>? progress = null, IProgress<string>? note = null, CancellationToken cancel = default)
    {
        DecoderConfig model = options.Rope.Apply(HfConfig.Of(options.Model).Model);
        PasskeyOptions passkey = options.Passkey.Lengths.Count > 0 ? options.Passkey : options.Passkey with { Lengths = ModelLengths.Of(model) };
        ITokenizer tokenizer = Tokenizers.Load(options.Model);
        IReadOnlyList<PasskeyPrompt> prompts = PasskeyPrompt.All(tokenizer, passkey);
        using Pretrained pretrained = LoadModel.From(new ModelSource(options.Model, options.Rope), note);
        return new(options.Model, passkey, Passkey.Measure(pretrained.Model, tokenizer, prompts, passkey, progress: progress, cancel: cancel));
    }
}
