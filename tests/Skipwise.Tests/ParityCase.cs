using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests;

/// <summary>A fixture folder: a tiny model with random weights, and what the original's code computes with it
/// (fixtures/README.md).</summary>
internal sealed class ParityCase : IDisposable
{
    public static readonly string[] All =
    [
        "baichuan2-linear8", "baichuan2-none", "baichuan2-ntk8", "baichuan2-yarn16", "gpt_neox-pct100-sequential-linear8",
        "gpt_neox-pct25-parallel",
        "gptj-linear8", "gptj-none", "gptj-ntk8", "gptj-yarn16",
        "llama-attention-bias-theta", "llama-dynamic2-over", "llama-dynamic2-within", "llama-gqa-linear8", "llama-gqa-yarn16-tied",
        "llama-hf-yarn16",
        "llama-linear8", "llama-none", "llama-ntk8", "llama-yarn16", "llama-yarn16-original-formula", "llama3-rope",
        "mistral", "mistral-headdim-theta1e6", "mistral-sliding16", "qwen2", "qwen2-tied-yarn4",
    ];

    /// <summary>those whose reference has <paramref name="tensor"/></summary>
    public static TheoryData<string> With(string tensor) => [.. All.Where(name =>
    {
        using SafetensorsFile reference = SafetensorsFile.Open(Fixture.Path(name, "reference.safetensors"));
        return reference.Tensors.ContainsKey(tensor);
    })];

    /// <summary>What must be said about the rope for the original's numbers, because its config.json does not: the flags of
    /// <c>verify</c>.</summary>
    public static string[] RopeFlags(string name) => name switch
    {
        // the original's Llama and Baichuan code computes its revised YaRN for a config that says yarn
        "llama-yarn16" or "llama-gqa-yarn16-tied" or "baichuan2-yarn16" => ["--rope", "yarn-revised"],
        // its GPT-J code takes the base model's window for 2048
        "gptj-yarn16" => ["--rope-original-length", "2048"],
        _ => [],
    };

    private readonly SafetensorsFile _reference;

    public ParityCase(string name)
    {
        Pretrained = PretrainedModel.Load(new ModelSource(Fixture.Path(name), Overrides(RopeFlags(name)), FreezePadEmbedding: true));
        _reference = SafetensorsFile.Open(Fixture.Path(name, "reference.safetensors"));
    }

    public PretrainedModel Pretrained { get; }
    public CausalLM Model => Pretrained.Model;

    public IEnumerable<string> Names => _reference.Tensors.Keys;

    public Tensor this[string name] => _reference.Read(_reference.Tensors[name]);

    /// <summary>A canonical gradient or weight as the family's files spell it: several joined where the file holds them as one.</summary>
    /// <param name="stored">name in the file</param>
    public Tensor Joined(string stored, Func<string, Tensor> canonical)
    {
        StoredParameter parameter = Pretrained.Config.Family.StoredParameters(Model.Config).Single(p => p.Name == stored);
        return cat([.. parameter.Blocks.Select(block => canonical(block.Canonical).narrow(0, block.FirstRow, block.Rows))], 0);
    }

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

    private static RopeOverrides Overrides(string[] flags) => flags switch
    {
        ["--rope", string type] => new() { Type = RopeTypeNames.Parse(type) },
        ["--rope-original-length", string length] =>
            new() { OriginalLength = int.Parse(length, System.Globalization.CultureInfo.InvariantCulture) },
        _ => new(),
    };

    public void Dispose()
    {
        Pretrained.Dispose();
        _reference.Dispose();
    }
}
