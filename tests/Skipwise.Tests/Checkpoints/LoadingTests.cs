using System.Diagnostics;
using System.Globalization;
using Skipwise.Checkpoints;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints;

/// <summary>
/// Speed and memory of loading, which need a process of their own: <c>SKIPWISE_LOADING=f32</c> (or f16, bf16) <c>-class "*LoadingTests"</c>, alone. The
/// model is a Llama of 1 GB in the file; its speed is held against reading the same file into a buffer.
/// </summary>
public sealed class LoadingTests(ITestOutputHelper output) : IDisposable
{
    private const int PieceBytes = 1 << 20;
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_large_checkpoint_loads_at_half_the_speed_of_reading_it_and_takes_little_more_memory_than_the_model()
    {
        string? type = Environment.GetEnvironmentVariable("SKIPWISE_LOADING");
        Assert.SkipWhen(string.IsNullOrEmpty(type), "SKIPWISE_LOADING is not set: it takes a gigabyte of disk and a quiet machine");
        string path = Path.Combine(WriteModel(StoredType.Named(type.ToUpperInvariant())!), WeightFiles.SingleName);
        long bytes = new FileInfo(path).Length;
        double read = double.MaxValue, load = double.MaxValue;
        for (int i = 0; i < 3; i++)
        {
            double cpu = Cpu(), seconds = Seconds(() => ReadAll(path));
            read = Math.Min(read, seconds);
            output.WriteLine($"read {i}: {seconds:F3} s, {Cpu() - cpu:F3} s of processor, {bytes / seconds / 1e9:F2} GB/s");
        }
        long before = Resident("VmRSS"), modelBytes = 0;
        for (int i = 0; i < 3; i++) // the first load touches the memory for the first time; the later ones may use it again
        {
            double cpu = Cpu();
            double seconds = Seconds(() =>
            {
                using Pretrained pretrained = Pretrained.Load(new ModelSource(Path.GetDirectoryName(path)!));
                modelBytes = pretrained.Model.parameters().Sum(p => p.numel() * p.element_size());
            });
            load = Math.Min(load, seconds);
            output.WriteLine($"load {i}: {seconds:F3} s, {Cpu() - cpu:F3} s of processor, {bytes / seconds / 1e9:F2} GB/s of the file, {modelBytes / seconds / 1e9:F2} GB/s of memory, peak {(Resident("VmHWM") - before) / 1e6:F0} MB");
            Assert.InRange(Resident("VmHWM") - before, 0, (long)(1.3 * modelBytes));
        }
        Assert.True(load <= 2 * read * modelBytes / bytes, $"{load:F3} s to load {modelBytes} bytes, {read:F3} s to read {bytes}");
    }

    private string WriteModel(StoredType type)
    {
        using var scope = NewDisposeScope();
        string folder = _temp["model"];
        int layers = 20 * 4 / type.Size; // 1 GB in the file
        var config = new DecoderConfig { VocabSize = 32000, HiddenSize = 1024, IntermediateSize = 2752, NumHiddenLayers = layers, NumAttentionHeads = 16, NumKeyValueHeads = 16, HeadDim = 64, MaxPositionEmbeddings = 2048, TieWordEmbeddings = true };
        Directory.CreateDirectory(folder);
        Tensor one = rand(32000 * 1024).to(type.Torch!.Value);
        var tensors = ModelFamily.Parameters(config).Select(p => (p.Name, one.narrow(0, 0, p.Shape.Aggregate(1L, (a, b) => a * b)).view(p.Shape), type.Torch!.Value));
        SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.SingleName), tensors);
        File.WriteAllText(Path.Combine(folder, HfConfig.FileName), HfConfig.Create(config).TextFor(config));
        return folder;
    }

    private static void ReadAll(string path)
    {
        byte[] piece = new byte[PieceBytes];
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        while (file.Read(piece) > 0) { }
    }

    private static double Seconds(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static double Cpu() => Environment.CpuUsage.TotalTime.TotalSeconds;

    private static long Resident(string field)
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line.AsSpan(field.Length + 1).Trim()[..^3], CultureInfo.InvariantCulture) * 1024;
    }
}
