using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Numerics;
using Skipwise.Positions;
using Skipwise.TokenStores;
using Skipwise.Training;
using Skipwise.Training.Optimizers;

namespace Skipwise.Benchmarks;

/// <summary>Steps of the training loop itself: PoSE windows, forward, loss, backward, clipping, update.</summary>
internal sealed record TrainCase(string Name, int Steps, DecoderConfig Model, PoseOptions Pose, TrainOptions Training)
    : BenchCase(Name, Steps)
{
    /// <summary>how the model is adapted; the default trains it whole</summary>
    public LoraOptions Lora { get; init; } = new();

    public override Measurement Measure(int steps)
    {
        int window = Window;
        PoseDataset source = Source();
        long tokens = (long)Training.BatchSize * window;
        using CausalLM model = BenchModels.Create(Model, Lora);
        using var masters = MasterWeights.Create(model);
        using var optimizer = Optimizer.Create(model, Training, masters);
        using IEnumerator<StepMetrics> run = TrainLoop.Run(model, optimizer, source, Training with { Steps = steps + 1 }).GetEnumerator();
        return Measurement.Of(steps, () => run.MoveNext(), tokens, StepFlops.Training(Model, Training.BatchSize, window), Model, tokens);
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
