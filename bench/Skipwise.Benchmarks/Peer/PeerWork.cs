using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Peer;

/// <summary>A case as PyTorch computes it: the same shape, weights and windows, <see cref="PeerLlama"/> and libtorch's AdamW.</summary>
internal static class PeerWork
{
    /// <inheritdoc cref="BenchCase.Start"/>
    public static BenchWork Start(BenchCase chosen, int steps) => chosen switch
    {
        TrainCase train => Train(train, steps),
        ScoreCase score => Score(score),
        _ => throw new SkipwiseException($"{chosen.Name}: the reference program trains a model or reads a window. Choose such a case."),
    };

    /// <summary>The first batch of a case.</summary>
    public static Batch FirstBatch(TrainCase train) => Batches(train, 1).First().ToDevice(CPU);

    /// <summary>A model with the weights of ours.</summary>
    public static PeerLlama Create(DecoderConfig config)
    {
        using CausalLM model = BenchModels.Create(config);
        var peer = new PeerLlama(config);
        peer.CopyFrom(model);
        return peer;
    }

    /// <summary>The losses of a window's tokens.</summary>
    public static float[] Losses(PeerLlama model, int[] window, bool isBfloat16)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using Autocast? autocast = Autocast.If(isBfloat16);
        Tensor all = tensor(window, dtype: ScalarType.Int64), ids = all.narrow(0, 0, window.Length - 1).unsqueeze(0);
        Tensor positions = arange(window.Length - 1, dtype: ScalarType.Int64).unsqueeze(0);
        Tensor logits = model.Logits(ids, positions).to(ScalarType.Float32);
        Tensor labels = all.narrow(0, 1, window.Length - 1);
        return [.. nn.functional.cross_entropy(logits.flatten(0, 1), labels, reduction: nn.Reduction.None).data<float>()];
    }

    /// <summary>Forward and backward.</summary>
    /// <returns>the mean loss</returns>
    public static float Backward(PeerLlama model, Batch batch, bool isBfloat16)
    {
        using var scope = NewDisposeScope();
        Tensor loss;
        using (Autocast.If(isBfloat16))
        {
            loss = model.Loss(batch.InputIds, batch.PositionIds);
        }
        loss.backward();
        return loss.ToSingle();
    }

    private static BenchWork Train(TrainCase train, int steps)
    {
        if (train is { Lora.IsEnabled: true } or { Training: { Packing: true } or { RecomputeEvery: > 0 } })
        {
            throw new SkipwiseException($"{train.Name}: the reference program trains all weights, plainly. Choose such a case.");
        }
        PeerLlama model = Create(train.Model);
        TrainOptions options = train.Training;
        Parameter[] weights = [.. model.parameters()];
        AdamW optimizer = optim.AdamW(weights, options.LearningRate, options.AdamW.Beta1, options.AdamW.Beta2, options.AdamW.Eps,
            options.AdamW.WeightDecay);
        IEnumerator<HostBatch> batches = Batches(train, steps).GetEnumerator();
        void Step()
        {
            batches.MoveNext();
            using Batch batch = batches.Current.ToDevice(CPU);
            optimizer.zero_grad();
            Backward(model, batch, train.IsBfloat16);
            using var scope = NewDisposeScope();
            nn.utils.clip_grad_norm_(weights, options.MaxGradNorm);
            optimizer.step();
        }
        long tokens = (long)options.BatchSize * train.Window;
        return new(Step, tokens, StepFlops.Training(train.Model, options.BatchSize, train.Window), train.Model, tokens,
            [model, optimizer, batches]);
    }

    private static BenchWork Score(ScoreCase score)
    {
        PeerLlama model = Create(score.Model);
        return new(() => Losses(model, score.Window(), score.IsBfloat16), score.Tokens, StepFlops.Forward(score.Model, 1, score.Tokens),
            score.Model, score.Tokens, [model]);
    }

    private static IEnumerable<HostBatch> Batches(TrainCase train, int steps) =>
        StepBatches.Enumerate(train.Source(), train.Training with { Steps = steps }, new TrainProgress(0, 0))
            .Select(step => step.MicroBatches[0].Batch);
}
