using Skipwise.Evaluation.Scoring;
using Skipwise.Models;

namespace Skipwise.Benchmarks;

/// <summary>The losses of one window, without gradients: what perplexity costs.</summary>
internal sealed record ScoreCase(string Name, int Steps, DecoderConfig Model, int Tokens) : BenchCase(Name, Steps)
{
    public override Measurement Measure(int steps)
    {
        using CausalLM model = BenchModels.Create(Model);
        int[][] window = [[.. Enumerable.Range(0, Tokens + 1).Select(t => t * 31 % Model.VocabSize)]];
        void Score() => Scorer.Losses(model, window, Tokens);
        return Measurement.Of(steps, Score, Tokens, StepFlops.Forward(Model, 1, Tokens), Model, Tokens);
    }
}
