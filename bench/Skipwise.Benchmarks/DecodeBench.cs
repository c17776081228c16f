using System.Runtime.InteropServices;
using System.Text.Json;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Rope;
using Skipwise.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks;

/// <summary>
/// The time of a token when decoding, beside llama.cpp on the same weights, in turns: CPU milliseconds of the process per token, median and
/// least. Keys and values of ours are made up, those of llama.cpp are read.
/// </summary>
/// <param name="Model">s, m or t</param>
/// <param name="Type">f32, bf16, f16, q8 or q4</param>
/// <param name="Cache">f32, bf16 or f16</param>
/// <param name="Peer">whether llama.cpp runs too</param>
internal sealed unsafe record DecodeBench(string Model, string Type, string Cache, int[] Contexts, int[] Batches, int Threads, bool Peer)
{
    private const int Rounds = 8;

    /// <summary>Prints one line of JSON per context and batch.</summary>
    public void Run()
    {
        using CausalLM model = Create();
        string file = Path.Combine(Path.GetTempPath(), $"skipwise-decode-{Model}-{Type}.gguf");
        if (Peer)
        {
            GgufType type = Type switch
            {
                "f32" => GgufType.F32,
                "f16" => GgufType.F16,
                "q8" => GgufType.Q80,
                "q4" => GgufType.Q40,
                _ => GgufType.BF16,
            };
            GgufExport.Write(PretrainedModel.Create(model), file, Model, type, tokenizer: null, [], note: null);
        }
        if (Type is "q8" or "q4")
        {
            foreach ((_, Projection projection) in LoraInjector.Projections(model))
            {
                projection.Quantize(Type == "q8" ? 8 : 4);
            }
        }
        KvPageLayout layout = new(model.Config, TypeOf(Cache));
        using CpuDecoder decoder = CpuDecoder.TryCreate(model, layout, Threads)!;
        using LlamaCppDecoder? peer = Peer ? new(file, Contexts.Max() + 256, Threads) : null;
        foreach (int context in Contexts)
        {
            foreach (int batch in Batches)
            {
                Console.WriteLine(JsonSerializer.Serialize(Measure(model, layout, decoder, batch == 1 ? peer : null, context, batch)));
            }
        }
        File.Delete(file);
    }

    private Result Measure(CausalLM model, KvPageLayout layout, CpuDecoder decoder, LlamaCppDecoder? peer, int context, int batch)
    {
        using var pool = new KvPagePool(model, layout, long.MaxValue);
        KvText[] texts = [.. Enumerable.Range(0, batch).Select(_ => Text(pool, context))];
        RopeFrequencies rope = RopeFrequency.Compute(model.Config.Rope, model.Config.RotaryDim, context);
        DecodeRow[] rows = [.. texts.Select((text, index) => new DecodeRow(index + 5, text, rope))];
        float[] logits = new float[batch * model.Config.VocabSize];
        peer?.ReadTo(context);
        List<StepUsage> ours = [], theirs = [];
        int steps = Math.Max(1, (int)(0.3 / StepUsage.Of(() => decoder.Step(rows, logits)).CpuSeconds));
        for (int round = 0; round <= Rounds; round++)
        {
            StepUsage own = StepUsage.Of(() => Repeat(steps, () => decoder.Step(rows, logits)));
            StepUsage other = peer is null ? default : StepUsage.Of(() => Repeat(steps, peer.Step));
            if (round > 0) // the first warms up
            {
                ours.Add(1.0 / steps * own);
                theirs.Add(1.0 / steps * other);
            }
        }
        Array.ForEach(texts, text => text.Release());
        return new(Model, Type, context, batch, Threads, Median(ours.Select(u => u.CpuSeconds)), ours.Min(u => u.CpuSeconds) * 1000,
            Median(ours.Select(u => u.WallSeconds)), Median(theirs.Select(u => u.CpuSeconds)), theirs.Min(u => u.CpuSeconds) * 1000,
            Median(theirs.Select(u => u.WallSeconds)));
    }

    private CausalLM Create()
    {
        DecoderConfig config = Model switch
        {
            "s" => BenchModels.Small(),
            "m" => BenchModels.Base(),
            _ => BenchModels.Base() with
            {
                HiddenSize = 2048,
                IntermediateSize = 5632,
                NumHiddenLayers = 22,
                NumAttentionHeads = 32,
                NumKeyValueHeads = 4,
                HeadDim = 64,
            },
        };
        using IDisposable noGradient = no_grad();
        var model = new CausalLM(config with { Rope = new() }, TypeOf(Type));
        foreach (TorchSharp.Modules.Parameter parameter in model.parameters())
        {
            _ = parameter.dim() == 1 ? parameter.fill_(1) : parameter.normal_(0, 0.02);
        }
        return model;
    }

    /// <summary>A text whose keys and values are small numbers.</summary>
    private static KvText Text(KvPagePool pool, int length)
    {
        var text = new KvText(pool);
        text.TryReserve(length + 1);
        foreach (KvPage page in text.Pages)
        {
            var memory = (float*)page.Address;
            for (long i = 0; i < pool.Layout.PageBytes / sizeof(float); i++)
            {
                memory[i] = (((i * 2654435761) >> 8) & 0xFF) / 256f - 0.5f;
            }
        }
        text.Advance(length);
        return text;
    }

    private static ScalarType TypeOf(string name) =>
        name switch { "f32" => ScalarType.Float32, "f16" => ScalarType.Float16, _ => ScalarType.BFloat16 };

    private static void Repeat(int times, Action work)
    {
        for (int i = 0; i < times; i++)
        {
            work();
        }
    }

    private static double Median(IEnumerable<double> seconds)
    {
        double[] sorted = [.. seconds.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2 * 1000;
    }

    /// <summary>Milliseconds of a step.</summary>
    private sealed record Result(string Model, string Type, int Context, int Batch, int Threads, double Cpu, double LeastCpu, double Wall,
        double LlamaCpp, double LeastLlamaCpp, double WallLlamaCpp);
}
