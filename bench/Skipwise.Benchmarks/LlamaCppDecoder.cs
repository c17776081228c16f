using LLama;
using LLama.Common;
using LLama.Native;

namespace Skipwise.Benchmarks;

/// <summary>llama.cpp through LLamaSharp, one text: flash attention, a cache in float16.</summary>
internal sealed class LlamaCppDecoder : IDisposable
{
    private readonly LLamaWeights _weights;
    private readonly LLamaContext _context;
    private int _length;

    public LlamaCppDecoder(string path, int context, int threads)
    {
        NativeLibraryConfig.All.WithLogCallback((_, _) => { });
        var settings = new ModelParams(path)
        {
            ContextSize = (uint)context,
            BatchSize = 512,
            UBatchSize = 512,
            GpuLayerCount = 0,
            Threads = threads,
            BatchThreads = threads,
            FlashAttention = true,
        };
        _weights = LLamaWeights.LoadFromFile(settings);
        _context = _weights.CreateContext(settings);
    }

    /// <summary>Reads more of the text, until it has that many tokens.</summary>
    public void ReadTo(int length)
    {
        while (_length < length)
        {
            Decode(Math.Min(512, length - _length));
        }
    }

    /// <summary>Forgets the text.</summary>
    public void Restart()
    {
        _context.NativeHandle.MemoryClear(data: false);
        _length = 0;
    }

    /// <summary>Computes the logits of one more token.</summary>
    public void Step() => Decode(1);

    public void Dispose()
    {
        _context.Dispose();
        _weights.Dispose();
    }

    private void Decode(int tokens)
    {
        var batch = new LLamaBatch();
        for (int i = 0; i < tokens; i++)
        {
            batch.Add((_length + i) % 1000, _length + i, LLamaSeqId.Zero, i == tokens - 1);
        }
        if (_context.Decode(batch) != DecodeResult.Ok)
        {
            throw new InvalidOperationException("llama.cpp failed");
        }
        _ = _context.NativeHandle.GetLogitsIth(tokens - 1)[0];
        _length += tokens;
    }
}
