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
/// least. Keys and values of ours are made up, those of llama.cpp are read. Reading (prefill) is measured from the request to the first
/// token.
/// </summary>
/// <param name="Model">s, m or t</param>
/// <param name="Type">f32, bf16, f16, q8 or q4</param>
/// <param name="Cache">f32, bf16 or f16</param>
/// <param name="Reads">lengths of prompts</param>
/// <param name="Peer">whether llama.cpp runs too</param>
internal sealed unsafe record DecodeBench(string Model, string Type, string Cache, int[] Contexts, int[] Batches, int[] Reads, int Threads,
    bool Peer)
{
    private const int Rounds = 8, ReadRounds = 3;

    /// <summary>Prints one line of JSON per context and batch.</summary>
    public void Run()
    {
        using CausalLM model = Create(Model, Type);
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
        KvPageLayout layout = KvPageLayout.Of(model.Config, CacheTypeOf(Cache), model.Dtype);
        using CpuDecoder decoder = CpuDecoder.TryCreate(model, layout, Threads)!;
        using LlamaCppDecoder? peer = Peer ? new(file, Contexts.Concat(Reads).Max() + 256, Threads) : null;
        foreach (int context in Contexts)
        {
            foreach (int batch in Batches)
            {
                Console.WriteLine(JsonSerializer.Serialize(Measure(model, layout, decoder, batch == 1 ? peer : null, context, batch)));
            }
        }
        if (Reads.Length > 0)
        {
            using var engine = new InferenceEngine(model, new() { CacheType = CacheTypeOf(Cache) });
            Array.ForEach(Reads, length => Console.WriteLine(JsonSerializer.Serialize(Read(engine, model, peer, length))));
        }
        File.Delete(file);
    }

    /// <summary>Reading one prompt with model (i) in float32, until its first token is generated.</summary>
    public static BenchWork Reading(int length)
    {
        CausalLM model = Create("s", "f32");
        KvPageLayout layout = new(model.Config, ScalarType.Float32);
        // memory for one prompt: its pages are free again when the next one comes
        var engine = new InferenceEngine(model, new() { CacheBytes = KvPageLayout.PagesFor(length + 1) * layout.PageBytes });
        int round = 0;
        return new(() => Read(engine, model, length, round++), 1, 0, model.Config, length, [model, engine]);
    }

    /// <summary>Decoding with model (i) in float32: ten tokens, all at one place.</summary>
    public static BenchWork Decoding(int context)
    {
        const int Tokens = 10;
        CausalLM model = Create("s", "f32");
        KvPageLayout layout = new(model.Config, ScalarType.Float32);
        CpuDecoder decoder = CpuDecoder.TryCreate(model, layout)!;
        var pool = new KvPagePool(model, layout, long.MaxValue);
        DecodeRow row = new(5, Text(pool, context), RopeFrequency.Compute(model.Config.Rope, model.Config.RotaryDim, context));
        float[] logits = new float[model.Config.VocabSize];
        return new(() => Repeat(Tokens, () => decoder.Step([row], logits)), Tokens, 0, model.Config, 1, [model, decoder, pool]);
    }

    /// <summary>Reads prompts that differ from their first token on, so that the engine has read no part of one before.</summary>
    private ReadResult Read(InferenceEngine engine, CausalLM model, LlamaCppDecoder? peer, int length)
    {
        List<StepUsage> ours = [], theirs = [];
        for (int round = 0; round <= ReadRounds; round++)
        {
            StepUsage own = StepUsage.Of(() => Read(engine, model, length, round));
            peer?.Restart();
            StepUsage other = peer is null ? default : StepUsage.Of(() => peer.ReadTo(length));
            if (round > 0) // the first warms up
            {
                ours.Add(1.0 / length * own);
                theirs.Add(1.0 / length * other);
            }
        }
        return new(Model, Type, length, Threads, Median(ours.Select(u => u.CpuSeconds)), Median(ours.Select(u => u.WallSeconds)),
            Median(theirs.Select(u => u.CpuSeconds)), Median(theirs.Select(u => u.WallSeconds)));
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

    private static void Read(InferenceEngine engine, CausalLM model, int length, int round)
    {
        int[] prompt = [.. Enumerable.Range(0, length).Select(t => (length + round + (t * 31)) % model.Config.VocabSize)];
        GeneratedToken[] tokens = [.. engine.Submit(new() { Prompt = prompt, Options = new() { MaxNewTokens = 1 } }).ReadTokens()
            .ToBlockingEnumerable()];
        if (tokens.Length != 1)
        {
            throw new InvalidOperationException($"a prompt of {length} tokens was followed by {tokens.Length} tokens instead of one");
        }
    }

    private static CausalLM Create(string name, string type)
    {
        DecoderConfig config = name switch
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
        var model = new CausalLM(config with { Rope = new() }, TypeOf(type));
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

    private static KvCacheType CacheTypeOf(string name) => name switch
    {
        "f32" => KvCacheType.Float32,
        "f16" => KvCacheType.Float16,
        "bf16" => KvCacheType.Bfloat16,
        "q8" => KvCacheType.Int8,
        _ => throw new ArgumentException($"--cache {name}: known are f32, f16, bf16 and q8"),
    };

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

    /// <summary>Milliseconds of a token of a prompt.</summary>
    private sealed record ReadResult(string Model, string Type, int Read, int Threads, double Cpu, double Wall, double LlamaCpp,
        double WallLlamaCpp);

    /// <summary>Milliseconds of a step.</summary>
    private sealed record Result(string Model, string Type, int Context, int Batch, int Threads, double Cpu, double LeastCpu, double Wall,
        double LlamaCpp, double LeastLlamaCpp, double WallLlamaCpp);
}
