using System.CommandLine;
using Skipwise.Models.Lora;

namespace Skipwise.Cli.Flags;

/// <summary>Low-rank updates of a frozen model.</summary>
internal sealed class LoraFlags(Command command)
{
    private const string Norms = "norms", Embeddings = "embeddings";
    private static readonly LoraOptions s_default = new();
    private readonly Flag<int> _rank =
        command.Integer("--lora-rank", "train low-rank updates of this rank and freeze the model; 0 trains the model", s_default.Rank);
    private readonly Flag<double?> _alpha =
        command.OptionalNumber("--lora-alpha", "updates are multiplied by alpha / rank [default: 2 rank]");
    private readonly Flag<double> _dropout =
        command.Number("--lora-dropout", "share of a projection's inputs that its update does not see", s_default.Dropout);
    private readonly Flag<IReadOnlyList<string>> _targets =
        command.Names("--lora-target-modules", "name,...", $"projections that get an update; {LoraOptions.AllLinear} takes them all",
            s_default.TargetModules);
    private readonly Flag<IReadOnlyList<string>> _modulesToSave =
        command.Names("--lora-train", $"{Norms},{Embeddings}", "what is trained as a whole besides; a longer window needs both", []);
    private readonly Flag<int?> _quantizationBits =
        command.OptionalInteger("--quantization-bits", "hold the frozen projections in 8 or 4 bits [default: as they are]");

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
