using System.Globalization;
using System.Runtime.InteropServices;
using LLama;
using LLama.Common;
using LLama.Native;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>llama.cpp itself, through LLamaSharp, with one loaded file: what people run our files with.</summary>
internal sealed class LlamaCpp : IDisposable
{
    private readonly LLamaWeights _weights;
    private readonly ModelParams _settings;
    private readonly LoraAdapter? _adapter;

    static LlamaCpp() => NativeLibraryConfig.All.WithLogCallback((level, message) => s_log.Enqueue($"{level}: {message}"));

    private static readonly System.Collections.Concurrent.ConcurrentQueue<string> s_log = new();

    /// <param name="context">tokens; llama.cpp chooses some scalings by it</param>
    /// <param name="adapter">file of an adapter, added to the model</param>
    /// <param name="arguments">of llama.cpp's command line, about RoPE</param>
    public LlamaCpp(string path, int context, string? adapter = null, string? arguments = null)
    {
        RequireNatives();
        _settings = new ModelParams(path)
        {
            ContextSize = (uint)context,
            BatchSize = (uint)context,
            UBatchSize = (uint)context,
            GpuLayerCount = 0,
            Threads = 1,
            BatchThreads = 1,
            // the cache is float16 by default
            TypeK = GGMLType.GGML_TYPE_F32,
            TypeV = GGMLType.GGML_TYPE_F32,
            FlashAttention = false,
        };
        Apply(_settings, arguments?.Split(' ') ?? []);
        try
        {
            _weights = LLamaWeights.LoadFromFile(_settings);
            _adapter = adapter is null ? null : _weights.NativeHandle.LoadLoraFromFile(adapter);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"llama.cpp does not load {path} {adapter}:\n{string.Concat(s_log.TakeLast(60))}", e);
        }
    }

    private static void Apply(ModelParams settings, string[] arguments)
    {
        foreach (string[] pair in arguments.Chunk(2))
        {
            float number = pair[0] is "--rope-scaling" or "--override-kv" ? 0 : float.Parse(pair[1], CultureInfo.InvariantCulture);
            switch (pair[0])
            {
                case "-c": settings.ContextSize = settings.BatchSize = settings.UBatchSize = (uint)number; break;
                case "--rope-scaling": settings.YarnScalingType = Enum.Parse<RopeScalingType>(pair[1], ignoreCase: true); break;
                case "--rope-scale": settings.RopeFrequencyScale = 1 / number; break;
                case "--rope-freq-base": settings.RopeFrequencyBase = number; break;
                case "--yarn-orig-ctx": settings.YarnOriginalContext = (uint)number; break;
                case "--override-kv" when pair[1].Split("=int:") is [var key, var value]:
                    settings.MetadataOverrides.Add(new(key, int.Parse(value, CultureInfo.InvariantCulture)));
                    break;
                default: throw new ArgumentException($"{pair[0]}: unknown", nameof(arguments));
            }
        }
    }

    /// <summary>Natives are there for these platforms; where there are none, tests are skipped.</summary>
    public static void RequireNatives() => Assert.SkipUnless(Directory.Exists(NativeFolder),
        $"LLamaSharp has no llama.cpp for {RuntimeInformation.RuntimeIdentifier}: there is no {NativeFolder}");

    public static string NativeFolder => Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");

    /// <summary>A native library of the platform: the build without instructions that only some processors have.</summary>
    public static string Library(string name) => Directory.EnumerateFiles(NativeFolder, $"*{name}.*", SearchOption.AllDirectories)
        .First(path => !path.Contains("avx512", StringComparison.Ordinal));

    /// <summary>what llama.cpp printed</summary>
    public static IEnumerable<string> Log => s_log;

    /// <summary>Writes a file in the mixture of types that a name stands for, with llama.cpp's quantizer.</summary>
    /// <param name="type">Q4_K_M, ...</param>
    public static void Quantize(string from, string to, string type)
    {
        RequireNatives();
        NativeApi.llama_empty_call(); // loads the library; the quantizer alone does not
        Assert.True(LLamaQuantizer.Quantize(from, to, Enum.Parse<LLamaFtype>("MOSTLY_" + type), nthread: 1, quantizeOutputTensor: true));
    }

    public IReadOnlyDictionary<string, string> Metadata => _weights.Metadata;

    public int[] Tokenize(string text, bool addBos) =>
        [.. _weights.Tokenize(text, addBos, special: true, System.Text.Encoding.UTF8).Select(token => (int)token)];

    /// <summary>The log-probabilities of the token after each of these.</summary>
    public float[][] LogProbabilities(int[] ids)
    {
        using LLamaContext context = NewContext();
        return Decode(context, ids, 0, all: true);
    }

    /// <summary>The tokens with the largest logits, one after the other, each computed from the cache of those before.</summary>
    public int[] Greedy(int[] prompt, int count)
    {
        using LLamaContext context = NewContext();
        var ids = new List<int>();
        float[] last = Decode(context, prompt, 0, all: false)[0];
        while (ids.Count < count)
        {
            ids.Add(Array.IndexOf(last, last.Max()));
            last = Decode(context, [ids[^1]], prompt.Length + ids.Count - 1, all: false)[0];
        }
        return [.. ids];
    }

    public void Dispose() => _weights.Dispose();

    private LLamaContext NewContext()
    {
        LLamaContext context = _weights.CreateContext(_settings);
        if (_adapter is not null)
        {
            context.NativeHandle.SetLoraAdapters([(_adapter, 1)]);
        }
        return context;
    }

    private static float[][] Decode(LLamaContext context, int[] ids, int first, bool all)
    {
        var batch = new LLamaBatch();
        for (int i = 0; i < ids.Length; i++)
        {
            batch.Add(ids[i], first + i, LLamaSeqId.Zero, all || i == ids.Length - 1);
        }
        DecodeResult result = context.Decode(batch);
        Assert.Equal(DecodeResult.Ok, result);
        return [.. Enumerable.Range(all ? 0 : ids.Length - 1, all ? ids.Length : 1)
            .Select(i => Normalized(context.NativeHandle.GetLogitsIth(i)))];
    }

    private static float[] Normalized(ReadOnlySpan<float> logits)
    {
        double most = double.NegativeInfinity, sum = 0;
        foreach (float logit in logits)
        {
            most = Math.Max(most, logit);
        }
        foreach (float logit in logits)
        {
            sum += Math.Exp(logit - most);
        }
        float[] normalized = new float[logits.Length];
        for (int i = 0; i < logits.Length; i++)
        {
            normalized[i] = (float)(logits[i] - most - Math.Log(sum));
        }
        return normalized;
    }
}
