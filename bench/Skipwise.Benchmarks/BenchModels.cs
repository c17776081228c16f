using System.Text.Json;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using Skipwise.Synthetic;
using Skipwise.Tokenizers;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks;

/// <summary>The two sizes that the original's code was measured with.</summary>
internal static class BenchModels
{
    /// <summary>Model (i): 15.2 M parameters.</summary>
    public static DecoderConfig Small(int target = 16384, double factor = 8) => Llama(8192, 320, 864, 8, 5, target, factor);

    /// <summary>Model (ii): 134 M parameters.</summary>
    public static DecoderConfig Base() => Llama(32000, 768, 2048, 12, 12, 16384, 8);

    /// <summary>A model of heads of 64 dimensions: 1.2 M parameters at a hidden size of 64, 1.0 G at 2048.</summary>
    public static DecoderConfig OfSize(int hidden) => Llama(8192, hidden, hidden * 43 / 16, hidden switch
    {
        < 128 => 2,
        < 256 => 4,
        <= 1024 => 8,
        <= 1536 => 12,
        _ => 20,
    }, hidden / 64, 16384, 8);

    /// <summary>The number of a model's parameters.</summary>
    public static double Parameters(DecoderConfig config)
    {
        double layer = (4.0 * config.HiddenSize * config.HiddenSize) + (3.0 * config.HiddenSize * config.IntermediateSize);
        return (2.0 * config.VocabSize * config.HiddenSize) + (config.NumHiddenLayers * layer);
    }

    private static DecoderConfig Llama(int vocabulary, int hidden, int intermediate, int layers, int heads, int target, double factor) =>
        new()
        {
            VocabSize = vocabulary,
            HiddenSize = hidden,
            IntermediateSize = intermediate,
            NumHiddenLayers = layers,
            NumAttentionHeads = heads,
            NumKeyValueHeads = heads,
            HeadDim = hidden / heads,
            MaxPositionEmbeddings = target,
            Rope = new RopeOptions { Type = RopeType.Linear, Factor = factor },
        };

    /// <summary>Model folders i and ii, with windows of 2048 tokens, beside the shipped one, tiny, whose tokenizer they take; and
    /// text.jsonl, documents of more than 8192 tokens.</summary>
    public static void Write(string folder)
    {
        string shipped = Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny");
        using (var tiny = PretrainedModel.Load(new ModelSource(shipped)))
        {
            tiny.Save(Path.Combine(folder, "tiny"));
        }
        foreach ((string name, DecoderConfig config) in (IEnumerable<(string, DecoderConfig)>)[("i", Small()), ("ii", Base())])
        {
            using var model = PretrainedModel.Create(Create(config with { MaxPositionEmbeddings = 2048, Rope = new() }), shipped);
            model.Save(Path.Combine(folder, name));
        }
        ITokenizer tokenizer = TokenizerLoader.Load(shipped);
        File.WriteAllLines(Path.Combine(folder, "text.jsonl"), Enumerable.Range(0, 16).Select(index => JsonSerializer.Serialize(
            new
            {
                text = SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.Train, 1, (ulong)index,
                TextLength.Tokens(9000, tokenizer))
            })));
    }

    public static CausalLM Create(DecoderConfig config, LoraOptions? lora = null, bool isBfloat16 = false)
    {
        var model = new CausalLM(config, isBfloat16 ? ScalarType.BFloat16 : ScalarType.Float32);
        WeightInit.Initialize(model, seed: 1);
        if (lora is { IsEnabled: true })
        {
            LoraInjector.Apply(model, lora, seed: 1);
        }
        return model;
    }
}
