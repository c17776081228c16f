using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Numerics;
using Skipwise.Rope;
using Skipwise.Synthetic;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Gpu;

/// <summary>Llama shapes with random weights, made on the device: the time of a step does not depend on the values.</summary>
internal static class GpuModels
{
    /// <summary>TinyLlama's shape, 1.1 G parameters.</summary>
    public static DecoderConfig OneBillion { get; } = Llama(32000, 2048, 5632, 22, 32, 4);

    /// <summary>Llama 2 7B's shape.</summary>
    public static DecoderConfig SevenBillion { get; } = Llama(32000, 4096, 11008, 32, 32, 32);

    /// <summary>The same course in a rehearsal.</summary>
    public static DecoderConfig Rehearsal { get; } = Llama(512, 64, 160, 2, 4, 2);

    private static DecoderConfig Llama(int vocabulary, int hidden, int intermediate, int layers, int heads, int keyValueHeads) => new()
    {
        VocabSize = vocabulary,
        HiddenSize = hidden,
        IntermediateSize = intermediate,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        NumKeyValueHeads = keyValueHeads,
        HeadDim = hidden / heads,
        MaxPositionEmbeddings = 131072,
        Rope = new RopeOptions { Type = RopeType.Linear, Factor = 64, OriginalMaxPositionEmbeddings = 2048 },
    };

    /// <param name="dtype">float32 where the whole model is trained: its weights become the masters</param>
    public static CausalLM Create(DecoderConfig config, ScalarType dtype, Device device, LoraOptions lora)
    {
        var model = new CausalLM(config, dtype, device);
        using (no_grad())
        {
            foreach (TorchSharp.Modules.Parameter weight in model.parameters())
            {
                _ = weight.dim() == 1 ? weight.fill_(1) : weight.normal_(0, 0.02);
            }
        }
        if (lora.IsEnabled)
        {
            LoraInjector.Apply(model, lora, seed: 1);
        }
        return model;
    }

    /// <summary>Documents of random tokens.</summary>
    public static TokenList Documents(int vocabulary, int count, int length)
    {
        var rng = new KeyedRandom(3, 0, 0);
        int[] Document()
        {
            int[] ids = new int[length];
            for (int t = 0; t < length; t++)
            {
                ids[t] = rng.Between(0, vocabulary - 1);
            }
            return ids;
        }
        return new TokenList([.. Enumerable.Range(0, count).Select(_ => Document())]);
    }

    /// <summary>Texts that the shipped model was trained on the like of.</summary>
    public static IEnumerable<string> Chronicles(ITokenizer tokenizer, int count, int tokens) => Enumerable.Range(0, count).Select(index =>
        SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.Train, 1, (ulong)index, TextLength.Tokens(tokens, tokenizer)));
}
