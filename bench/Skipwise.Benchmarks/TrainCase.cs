using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Numerics;
using Skipwise.Positions;
using Skipwise.TokenStores;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;

namespace Skipwise.Benchmarks;

/// <summary>Steps of the training loop itself: PoSE windows, forward, loss, backward, clipping, update.</summary>
internal sealed record TrainCase(string Name, int Steps, DecoderConfig Model, PoseOptions Pose, TrainOptions Training)
    : BenchCase(Name, Steps)
{
    /// <summary>how the model is adapted; the default trains it whole</summary>
    public LoraOptions Lora { get; init; } = new();

    public override BenchWork Start(int steps)
    {
        int window = Window;
        long tokens = (long)Training.BatchSize * window;
        CausalLM model = BenchModels.Create(Model, Lora);
        MasterWeights masters = IsBfloat16
            ? MasterWeights.Create(model, torch.ScalarType.BFloat16, torch.CPU, offload: false)
            : MasterWeights.Create(model);
        var optimizer = Optimizer.Create(model, Training, masters);
        IEnumerator<StepMetrics> run = TrainLoop.Run(model, optimizer, Source(), Training with { Steps = steps }).GetEnumerator();
        return new(() => run.MoveNext(), tokens, StepFlops.Training(Model, Training.BatchSize, window), Model, tokens,
            [model, masters, optimizer, run]);
    }

    /// <summary>tokens per example</summary>
    public int Window => Pose.Mode == PositionMode.Full ? Pose.TargetLength : Pose.TrainLength;

    /// <summary>Examples of random tokens.</summary>
    public PoseDataset Source() => new(Documents(2 * Window), Pose, seed: 1, bosId: null, minDocumentTokens: Window);

    private TokenList Documents(int length)
    {
        var rng = new KeyedRandom(3, 0, 0);
        var documents = new int[16][];
        for (int document = 0; document < documents.Length; document++)
        {
            var ids = new int[length];
            for (int t = 0; t < length; t++)
            {
                ids[t] = rng.Between(0, Model.VocabSize - 1);
            }
            documents[document] = ids;
        }
        return new TokenList(documents);
    }
}
