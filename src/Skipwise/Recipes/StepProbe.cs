using System.Diagnostics;
using System.Runtime.InteropServices;
using Skipwise.Checkpoints;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Numerics;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>What one forward and backward of a micro-batch cost.</summary>
/// <param name="Tokens">of the micro-batch</param>
/// <param name="Seconds">on the clock</param>
/// <param name="CpuSeconds">of all threads, user and system</param>
/// <param name="Activations">bytes that the graph keeps between forward and backward</param>
/// <param name="Peak">bytes in use at the most, above those before</param>
internal sealed record ProbedStep(long Tokens, double Seconds, double CpuSeconds, long Activations, long Peak);

/// <summary>Runs a model on random tokens and measures. The weights stay as they are.</summary>
internal sealed class StepProbe(CausalLM model)
{
    private const int Repeats = 2;
    private static readonly TimeSpan s_sampling = TimeSpan.FromMilliseconds(0.5);

    /// <summary>Forward and backward of [batch, tokens], after one to warm up; the quickest counts, since what slows the others is the machine.</summary>
    public ProbedStep Measure(int batch, int tokens)
    {
        TrainingExample[] examples = [.. Enumerable.Range(0, batch).Select(row => Example(row, tokens))];
        long activations = Activations(examples);
        Step(examples);
        (double seconds, double cpu) = (double.PositiveInfinity, double.PositiveInfinity);
        long peak = 0;
        for (int repeat = 0; repeat < Repeats; repeat++)
        {
            double before = CpuSeconds();
            var clock = Stopwatch.StartNew();
            peak = Math.Max(peak, PeakDuring(() => Step(examples)));
            (seconds, cpu) = (Math.Min(seconds, clock.Elapsed.TotalSeconds), Math.Min(cpu, CpuSeconds() - before));
        }
        return new ProbedStep((long)batch * tokens, seconds, cpu, activations, peak);
    }

    /// <summary>The optimizer's update alone, at a learning rate of 0.</summary>
    public static (double Seconds, double CpuSeconds) Update(FusedAdamW optimizer)
    {
        optimizer.Step(0, 1);
        double before = CpuSeconds();
        var clock = Stopwatch.StartNew();
        optimizer.Step(0, 1);
        return (clock.Elapsed.TotalSeconds, CpuSeconds() - before);
    }

    /// <summary>Bytes that native code has allocated, and of weights that lie over files; where that cannot be asked, the process's resident size.</summary>
    public static long HeapBytes()
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                MallInfo info = mallinfo2();
                return (long)(info.InUse + info.Mapped) + MappedFile.LentBytes;
            }
            catch (EntryPointNotFoundException) { } // a C library other than glibc, or one before 2.33
        }
        return ResidentBytes();
    }

    public static long ResidentBytes()
    {
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }

    private static double CpuSeconds()
    {
        using var self = Process.GetCurrentProcess();
        return self.TotalProcessorTime.TotalSeconds;
    }

    private long Activations(TrainingExample[] examples)
    {
        using var scope = NewDisposeScope();
        using Batch batch = Batch.Of(examples, model.Device);
        using Rotary rotary = model.RotaryFor(batch.PositionIds, (int)batch.InputIds.size(1));
        long before = HeapBytes();
        using Tensor hidden = model.Hidden(batch.InputIds, rotary);
        return HeapBytes() - before;
    }

    private void Step(TrainingExample[] examples)
    {
        using var scope = NewDisposeScope();
        using Batch batch = Batch.Of(examples, model.Device);
        CausalLoss.Backward(model, batch, examples.Length * (double)examples[0].InputIds.Length).Dispose();
        foreach (TorchSharp.Modules.Parameter parameter in model.parameters())
        {
            parameter.grad = null;
        }
    }

    private static long PeakDuring(Action work)
    {
        long before = HeapBytes(), peak = before;
        using var done = new ManualResetEventSlim();
        var watcher = new Thread(() =>
        {
            while (!done.Wait(s_sampling))
            {
                peak = Math.Max(peak, HeapBytes());
            }
        });
        watcher.Start();
        try
        {
            work();
        }
        finally
        {
            done.Set();
            watcher.Join();
        }
        return peak - before;
    }

    private TrainingExample Example(int row, int tokens)
    {
        var rng = new KeyedRandom(0, 0, (ulong)row);
        int[] ids = new int[tokens];
        for (int i = 0; i < tokens; i++)
        {
            ids[i] = rng.Between(0, model.Config.VocabSize - 1);
        }
        return new TrainingExample(ids, [.. Enumerable.Range(0, tokens)], ids);
    }

    /// <summary>glibc's struct mallinfo2, of all arenas.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct MallInfo
    {
        private readonly nuint _arena, _freeChunks, _fastChunks, _mappedChunks;
        public readonly nuint Mapped;
        private readonly nuint _unused, _fastBytes;
        public readonly nuint InUse;
        private readonly nuint _free, _releasable;
    }

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern MallInfo mallinfo2();
}
