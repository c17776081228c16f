using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Peer;

/// <summary>
/// Whether the reference program and Skipwise compute the same, on the same weights and tokens: what differs is not compared in speed.
/// </summary>
/// <param name="Loss">largest difference of a loss, as a fraction of it: the mean loss in training, of every token in reading</param>
/// <param name="Gradient">training: the largest difference of a parameter's gradient, as a fraction: in float32 of its elements from the
/// largest element, in bfloat16 of its length (the square root of the sum of squares)</param>
internal sealed record PeerCheck(string Case, double Loss, double? Gradient)
{
    // float32 sums in another order; bfloat16 rounds to 8 bits
    private const double LossTolerance = 1e-5, GradientTolerance = 1e-4, Bfloat16LossTolerance = 1e-3, Bfloat16TokenTolerance = 0.02,
        Bfloat16GradientTolerance = 0.1;

    /// <exception cref="SkipwiseException">a difference exceeds its tolerance</exception>
    public void Require(bool isBfloat16)
    {
        double loss = !isBfloat16 ? LossTolerance : Gradient is null ? Bfloat16TokenTolerance : Bfloat16LossTolerance;
        double gradient = isBfloat16 ? Bfloat16GradientTolerance : GradientTolerance;
        if (!(Loss <= loss) || !(Gradient is null || Gradient <= gradient))
        {
            throw new SkipwiseException(FormattableString.Invariant(
                $"{Case}: the reference program's loss differs by {Loss:0.0e+0} of it (at most {loss:0.0e+0}), and its gradients by ")
                + FormattableString.Invariant($"{Gradient:0.0e+0} (at most {gradient:0.0e+0}). Correct one of them before you compare."));
        }
    }

    /// <summary>Computes both.</summary>
    public static PeerCheck Of(BenchCase chosen) => chosen switch
    {
        TrainCase train => Of(train),
        ScoreCase score => Of(score),
        _ => throw new SkipwiseException($"{chosen.Name}: the reference program trains a model or reads a window. Choose such a case."),
    };

    private static PeerCheck Of(TrainCase train)
    {
        using var scope = NewDisposeScope();
        using PeerLlama peer = PeerWork.Create(train.Model);
        using CausalLM model = BenchModels.Create(train.Model);
        using Batch batch = PeerWork.FirstBatch(train);
        double theirs = PeerWork.Backward(peer, batch, train.IsBfloat16);
        using MasterWeights? masters =
            train.IsBfloat16 ? MasterWeights.Create(model, ScalarType.BFloat16, CPU, offload: false) : null;
        long labels = batch.Labels.numel();
        double ours = CausalLoss.Backward(model, batch, labels).ToDouble() / labels;
        Dictionary<string, Parameter> own = PeerLlama.Parameters(model);
        double worst = PeerLlama.Parameters(peer).Max(entry =>
        {
            using var step = NewDisposeScope();
            Tensor a = own[entry.Key].grad!.to(ScalarType.Float32), b = entry.Value.grad!.to(ScalarType.Float32);
            return (train.IsBfloat16 ? (a - b).norm() / b.norm() : (a - b).abs().max() / b.abs().max()).ToDouble();
        });
        return new(train.Name, Math.Abs(ours - theirs) / theirs, worst);
    }

    private static PeerCheck Of(ScoreCase score)
    {
        using PeerLlama peer = PeerWork.Create(score.Model);
        using CausalLM model = BenchModels.Create(score.Model, isBfloat16: score.IsBfloat16);
        float[] theirs = PeerWork.Losses(peer, score.Window(), score.IsBfloat16);
        float[] ours = Evaluation.Scoring.Scorer.Losses(model, [score.Window()], score.Tokens)[0];
        return new(score.Name, ours.Zip(theirs, (a, b) => Math.Abs(a - b) / Math.Abs(b)).Max(), null);
    }
}
