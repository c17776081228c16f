using System.CommandLine;
using Skipwise.Models.Lora;

namespace Skipwise.Cli.Flags;

/// <summary>Low-rank updates of a frozen model.</summary>
internal sealed class LoraFlags(Command command)
{
    private const string Norms = "norms", Embeddings = "embeddings";
    private static readonly LoraOptions s_default = new();
    private readonly Flag<int> _rank =
        command.Integer("--lora-rank", "rank of the LoRA adapters; the model is frozen. 0 trains the model itself", s_default.Rank)
        .Sets(nameof(LoraOptions.Rank));
    private readonly Flag<double?> _alpha =
        command.OptionalNumber("--lora-alpha", "LoRA scaling: the update BA is multiplied by alpha / rank [default: 2 rank]")
        .Sets(nameof(LoraOptions.Alpha));
    private readonly Flag<double> _dropout =
        command.Number("--lora-dropout", "dropout probability of the LoRA input", s_default.Dropout).Sets(nameof(LoraOptions.Dropout));
    private readonly Flag<IReadOnlyList<string>> _targets =
        command.Names("--lora-target-modules", "name,...", $"projections with a LoRA adapter; {LoraOptions.AllLinear} is every projection",
            s_default.TargetModules).Sets(nameof(LoraOptions.TargetModules));
    private readonly Flag<IReadOnlyList<string>> _modulesToSave =
        command.Names("--lora-train", $"{Norms},{Embeddings}",
            "also train these fully; extending the window needs both [default: none]", [])
        .Sets(nameof(LoraOptions.TrainNorms)).Sets(nameof(LoraOptions.TrainEmbeddings));
    private readonly Flag<int?> _quantizationBits =
        command.OptionalInteger("--quantization-bits", "quantize the frozen projections: 4 (NF4) or 8 bits [default: not quantized]")
        .Sets(nameof(LoraOptions.QuantizationBits));

    /// <exception cref="SkipwiseException">--lora-train names something else</exception>
    public LoraOptions Of(ParseResult parse)
    {
        IReadOnlyList<string> whole = _modulesToSave.ValueOf(parse);
        return whole.Except([Norms, Embeddings]).FirstOrDefault() is { } unknown
            ? throw new SkipwiseException(
                $"{_modulesToSave.Name} {unknown}: expected {Norms}, {Embeddings} or " +
                $"both.{Suggestion.DidYouMean(unknown, [Norms, Embeddings])}")
            : new LoraOptions
            {
                Rank = _rank.ValueOf(parse),
                Alpha = _alpha.ValueOf(parse),
                Dropout = _dropout.ValueOf(parse),
                TargetModules = _targets.ValueOf(parse),
                TrainNorms = whole.Contains(Norms),
                TrainEmbeddings = whole.Contains(Embeddings),
                QuantizationBits = _quantizationBits.ValueOf(parse),
            };
    }
}
