using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

public class LayerwiseBackwardTests
{
    private const string OnlyTheNorm = "only the final norm is trained";

    public static TheoryData<string, bool, LoraOptions?, int> Kinds => new()
    {
        { "everything is trained", false, null, 0 },
        { "layers are recomputed", false, null, 1 },
        { "the head is the embedding", true, null, 0 },
        { "adapters, above a frozen embedding", false, new LoraOptions { Rank = 2, TargetModules = [LoraOptions.AllLinear] }, 0 },
        { OnlyTheNorm, false, null, 2 },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Each_block_is_told_of_once_when_its_gradients_are_complete(string kind, bool tied, LoraOptions? lora, int recomputeEvery)
    {
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create(tied: tied, initializerRange: 0.05),
            untold = TinyModel.Create(tied: tied, initializerRange: 0.05);
        if (lora is not null)
        {
            LoraInjector.Apply(model, lora, seed: 5);
            LoraInjector.Apply(untold, lora, seed: 5);
        }
        foreach ((string name, var parameter) in model.named_parameters().Concat(untold.named_parameters()))
        {
            parameter.requires_grad_(parameter.requires_grad && (kind != OnlyTheNorm || name == "model.norm.weight"));
        }
        using Batch batch = Batch.Padded(new ExampleCursor(new RandomExamples(10, 5, 12)).Take(4), CPU);
        var names = new List<string>();
        var seen = new List<(string Name, Tensor? Gradient)>();
        void OnBackward(Block block)
        {
            names.Add(block.Name);
            foreach ((string name, var parameter) in block.Parameters)
            {
                Assert.StartsWith(block.Name + ".", name, StringComparison.Ordinal);
                seen.Add((name, parameter.grad?.clone().DetachFromDisposeScope()));
            }
            var told = seen.Select(p => p.Name).ToHashSet();
            // A tied embedding has the head's part already.
            Assert.All(
                model.named_parameters()
                    .Where(p => !told.Contains(p.name) && !(tied && ReferenceEquals(p.parameter, model.HeadWeight))),
                later => Assert.Null(later.parameter.grad));
        }
        double loss = CausalLoss.Backward(model, batch, 20, recomputeEvery, logitsPerChunk: null, OnBackward).ToDouble();

        Assert.Equal(["lm_head", "model.norm",
            .. Enumerable.Range(0, model.Config.NumHiddenLayers).Reverse().Select(layer => $"model.layers.{layer}"),
            "model.embed_tokens"], names);
        Assert.Equal(model.named_parameters().Select(p => p.name).Order(), seen.Select(p => p.Name).Order());
        Assert.Equal(CausalLoss.Backward(untold, batch, 20, recomputeEvery).ToDouble(), loss);
        var expected = untold.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        Assert.Contains(seen, p => p.Gradient is not null);
        Assert.All(seen, p =>
        {
            Assert.Equal(expected[p.Name].requires_grad, p.Gradient is not null);
            Assert.True(p.Gradient is null || p.Gradient.equal(expected[p.Name].grad!).all().ToBoolean(), p.Name);
            p.Gradient?.Dispose();
        });
    }

    /// <summary>No block begins after the stop: those below have no gradients.</summary>
    [Fact]
    public void A_stop_ends_it_before_the_next_block()
    {
        using CausalLM model = TinyModel.Create(initializerRange: 0.05);
        using Batch batch = Batch.Padded(new ExampleCursor(new RandomExamples(10, 5, 12)).Take(4), CPU);
        string[] StoppedAt(string name)
        {
            using var stop = new CancellationTokenSource();
            Assert.Throws<OperationCanceledException>(() => CausalLoss.Backward(model, batch, 20, recomputeEvery: 0, logitsPerChunk: null,
                block => Cancel(block.Name == name, stop), stop.Token));
            string[] reached = [.. model.named_parameters().Where(p => p.parameter.grad is not null).Select(p => p.name)];
            model.zero_grad();
            foreach ((_, var parameter) in model.named_parameters())
            {
                parameter.grad = null;
            }
            return reached;
        }
        static void Cancel(bool now, CancellationTokenSource stop)
        {
            if (now)
            {
                stop.Cancel();
            }
        }
        Assert.Equal(["lm_head.weight"], StoppedAt("lm_head"));
        string last = $"model.layers.{model.Config.NumHiddenLayers - 1}";
        string[] expected = [.. model.named_parameters().Select(p => p.name)
            .Where(name => name is "lm_head.weight" or "model.norm.weight" || name.StartsWith(last + ".", StringComparison.Ordinal))];
        Assert.Equal(expected, StoppedAt(last));

        var asked = new CancellationToken(canceled: true); // before the first layer's forward, and before the head's first chunk
        Assert.Throws<OperationCanceledException>(() =>
            CausalLoss.Backward(model, batch, 20, recomputeEvery: 0, logitsPerChunk: null, onBackward: null, asked));
        using Tensor hidden = torch.ones(3, model.Config.HiddenSize), targets = torch.zeros(3, ScalarType.Int64),
            total = torch.zeros([], ScalarType.Float64);
        Assert.Throws<OperationCanceledException>(() => LinearCrossEntropy.Backward(model, hidden, targets, 1, 2, total, asked));
        Assert.Equal(0, total.ToDouble());
    }
}
