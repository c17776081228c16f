using Skipwise.Evaluation.Scoring;
using Skipwise.Models;

namespace Skipwise.Benchmarks;

/// <summary>The losses of one window, without gradients: what perplexity costs.</summary>
internal sealed record ScoreCase(string Name, int Steps, DecoderConfig Model, int Tokens) : BenchCase(Name, Steps)
{
    public override BenchWork Start(int steps)
    {
        CausalLM model = BenchModels.Create(Model, isBfloat16: IsBfloat16);
        return new(() => Scorer.Losses(model, [Window()], Tokens), Tokens, StepFlops.Forward(Model, 1, Tokens), Model, Tokens, [model]);
    }

    /// <summary>The token ids, one more than are scored.</summary>
    public int[] Window() => [.. Enumerable.Range(0, Tokens + 1).Select(t => t * 31 % Model.VocabSize)];
}
