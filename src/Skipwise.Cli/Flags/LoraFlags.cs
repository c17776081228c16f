using System.CommandLine;
using Skipwise.Models.Lora;

namespace Skipwise.Cli.Flags;

/// <summary>Low-rank updates of a frozen model.</summary>
internal sealed class LoraFlags(Command command)
{
    private const string Norms = "norms", Embeddings = "embeddings";
    private static readonly LoraOptions s_default = new();
    private readonly Flag<int> _rank = command.Integer("--lora-rank", "train low-rank updates of this rank and freeze the model; 0 trains the model", s_default.Rank);
    private readonly Flag<double?> _alpha = command.OptionalNumber("--lora-alpha", "updates are multiplied by alpha / rank [default: 2 rank]");
    private readonly Flag<double> _dropout = command.Number("--lora-dropout", "share of a projection's inputs that its update does not see", s_default.Dropout);
    private readonly Flag<IReadOnlyList<string>> _targets = command.Names("--lora-targets", "name,...", $"projections that get an update; {LoraOptions.AllLinear} takes them all", s_default.Targets);
    private readonly Flag<IReadOnlyList<string>> _train = command.Names("--lora-train", $"{Norms},{Embeddings}", "what is trained as a whole besides; a longer window needs both", []);
    private readonly Flag<int?> _baseBits = command.OptionalInteger("--base-bits", "hold the frozen projections in 8 or 4 bits [default: as they are]");

    /// <exception cref="SkipwiseException">--lora-train names something else</exception>
    public LoraOptions Of(ParseResult parse)
    {
        IReadOnlyList<string> whole = _train.Of(parse);
        return whole.Except([Norms, Embeddings]).FirstOrDefault() is { } unknown
            ? throw new SkipwiseException($"{_train.Name} {unknown}: expected {Norms}, {Embeddings} or both.{Nearest.Question(unknown, [Norms, Embeddings])}")
            : new LoraOptions
            {
                Rank = _rank.Of(parse),
                Alpha = _alpha.Of(parse),
                Dropout = _dropout.Of(parse),
                Targets = _targets.Of(parse),
                TrainNorms = whole.Contains(Norms),
                TrainEmbeddings = whole.Contains(Embeddings),
                BaseBits = _baseBits.Of(parse),
            };
    }
}
