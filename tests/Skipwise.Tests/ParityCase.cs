using Skipwise.Checkpoints;
using Skipwise.Models;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests;

/// <summary>A fixture folder: a tiny model with random weights, and what the original's code computes with it (fixtures/README.md).</summary>
internal sealed class ParityCase : IDisposable
{
    public static readonly string[] All =
    [
        "llama-attention-bias-theta", "llama-dynamic2-over", "llama-dynamic2-within", "llama-gqa-linear8", "llama-gqa-yarn16-tied", "llama-hf-yarn16",
        "llama-linear8", "llama-none", "llama-ntk8", "llama-yarn16", "llama-yarn16-original-formula", "llama3-rope",
    ];

    public static readonly string[] Trained = ["llama-linear8", "llama-none", "llama-gqa-linear8"];

    // The original's Llama code computes its revised YaRN for a config that says yarn.
    private static readonly string[] s_revised = ["llama-yarn16", "llama-gqa-yarn16-tied"];

    private readonly SafetensorsFile _reference;

    public ParityCase(string name)
    {
        var rope = s_revised.Contains(name) ? new RopeOverrides { Type = RopeType.YarnRevised } : null;
        Pretrained = Pretrained.Load(new ModelSource(Fixture.Path(name), rope, FreezePadRow: true));
        _reference = SafetensorsFile.Open(Fixture.Path(name, "reference.safetensors"));
    }

    public Pretrained Pretrained { get; }
    public CausalLM Model => Pretrained.Model;

    public IEnumerable<string> Names => _reference.Tensors.Keys;

    public Tensor this[string name] => _reference.Read(_reference.Tensors[name]);

    public int[] Ids(string name)
    {
        using Tensor ids = this[name];
        return [.. ids.data<long>().ToArray().Select(id => (int)id)];
    }

    public static double LargestDifference(Tensor a, Tensor b)
    {
        Assert.Equal(b.shape, a.shape);
        return (a.to(ScalarType.Float64) - b.to(ScalarType.Float64)).abs().max().ToDouble();
    }

    public void Dispose()
    {
        Pretrained.Dispose();
        _reference.Dispose();
    }
}
