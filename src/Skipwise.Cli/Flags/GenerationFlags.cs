using System.CommandLine;
using Skipwise.Inference;

namespace Skipwise.Cli.Flags;

/// <summary>How a text is generated.</summary>
internal sealed class GenerationFlags
{
    private static readonly GenerationOptions s_default = new();

    private readonly Flag<int> _maxNewTokens, _topK;
    private readonly Flag<double> _temperature, _topP, _minP, _repetitionPenalty;
    private readonly Flag<ulong> _seed;

    public GenerationFlags(Command command)
    {
        _maxNewTokens = command.Integer("--max-new-tokens", "maximum number of tokens to generate", s_default.MaxNewTokens)
            .Sets(nameof(GenerationOptions.MaxNewTokens));
        _temperature = command.Number("--temperature",
            "sampling temperature; 0 is greedy, 1 leaves the model's probabilities as they are", s_default.Temperature)
            .Sets(nameof(GenerationOptions.Temperature));
        _topK = command.Integer("--top-k", "sample from the k most probable tokens; 0 samples from all", s_default.TopK)
            .Sets(nameof(GenerationOptions.TopK));
        _topP = command.Number("--top-p",
            "sample from the most probable tokens whose probabilities sum up to this (nucleus sampling)", s_default.TopP)
            .Sets(nameof(GenerationOptions.TopP));
        _minP = command.Number("--min-p",
            "sample from the tokens at least this probable, as a part of the most probable one's probability", s_default.MinP)
            .Sets(nameof(GenerationOptions.MinP));
        _repetitionPenalty = command.Number("--repetition-penalty",
            "makes tokens that the text already has less probable, as in transformers; 1 is off", s_default.RepetitionPenalty)
            .Sets(nameof(GenerationOptions.RepetitionPenalty));
        _seed = command.Seed("seed of the sampling").Sets(nameof(GenerationOptions.Seed));
    }

    public GenerationOptions Of(ParseResult parse) => s_default with
    {
        MaxNewTokens = _maxNewTokens.ValueOf(parse),
        Temperature = _temperature.ValueOf(parse),
        TopK = _topK.ValueOf(parse),
        TopP = _topP.ValueOf(parse),
        MinP = _minP.ValueOf(parse),
        RepetitionPenalty = _repetitionPenalty.ValueOf(parse),
        Seed = _seed.ValueOf(parse),
    };
}
