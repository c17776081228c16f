using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

/// <summary>
/// Speed and memory of loading, which need a process of their own: <c>SKIPWISE_LOADING=f32</c> (or f16, bf16) <c>-class
/// "*.LoadingTests"</c>, alone. The model is held as for evaluation, where 16 bits stay so; with <c>-trained</c> behind the type as for
/// training, in float32; with <c>-shifted</c> the file's tensors begin where training does not map them. The model is a Llama of 1 GB in
/// the file, which is in the page cache. What its first load takes is held against two ways to read the file: through one small buffer,
/// which touches no new memory and is the most that can be asked for, and into an array of the file's size, as a reader does that keeps
/// what it read.
/// </summary>
public sealed class LoadingTests(ITestOutputHelper output) : IDisposable
{
    private const int PieceBytes = 1 << 20;
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_large_checkpoint_loads_at_half_the_speed_of_reading_it_and_takes_little_more_memory_than_the_model()
    {
        string[] asked = Environment.GetEnvironmentVariable("SKIPWISE_LOADING")?.Split('-') ?? [];
        Assert.SkipWhen(asked.Length == 0, "SKIPWISE_LOADING is not set: it takes a gigabyte of disk and a quiet machine");
        StoredType type = StoredType.FromName(asked[0].ToUpperInvariant())!;
        bool isTrained = asked.Contains("trained");
        // compiles the code
        PretrainedModel.Load(new ModelSource(WriteModel("small", type, layers: 1), InferenceOnly: !isTrained)).Dispose();
        string path = Path.Combine(WriteModel("model", type, layers: 20 * 4 / type.Size), WeightFiles.SingleName);
        if (asked.Contains("shifted"))
        {
            ShiftTensors(path);
        }
        var source = new ModelSource(Path.GetDirectoryName(path)!, InferenceOnly: !isTrained);
        long bytes = new FileInfo(path).Length, modelBytes = 0, before = Resident("VmRSS");
        double through = Enumerable.Range(0, 3).Min(i => Measured($"read through a buffer, {i}", () => Read(path, new byte[PieceBytes])));
        double load = 0;
        for (int i = 0; i < 3; i++)
        {
            double seconds = Measured($"load {i}", () =>
            {
                using PretrainedModel pretrained = PretrainedModel.Load(source);
                modelBytes = pretrained.Model.parameters().Sum(p => p.numel() * p.element_size());
            });
            load = i == 0 ? seconds : load;
            Assert.InRange(Resident("VmHWM") - before, 0, (long)(1.3 * modelBytes));
        }
        output.WriteLine(
            $"file {bytes / 1e6:F0} MB, model {modelBytes / 1e6:F0} MB, peak memory of loading {(Resident("VmHWM") - before) / 1e6:F0} MB");
        Measured("load, then touch every number", () =>
        {
            using var scope = NewDisposeScope();
            using PretrainedModel pretrained = PretrainedModel.Load(source);
            Assert.True(double.IsFinite(pretrained.Model.parameters().Sum(p => p.sum(ScalarType.Float32).item<float>())));
        });
        double into = Measured("read into a new array", () => Read(path, GC.AllocateUninitializedArray<byte>((int)bytes)));
        // else loading fills new memory as well
        bool isMapped = (!isTrained || asked is ["f32", "trained"]) && Environment.GetEnvironmentVariable("SKIPWISE_MAP") != "0";
        double bar = 2 * (isMapped ? through : into);
        Assert.True(load <= bar, $"{load:F3} s to load, {bar:F3} s allowed");
    }

    /// <summary>The header gets a few spaces more, as other programs leave it: nothing in the file begins at a multiple of 16
    /// then.</summary>
    private static void ShiftTensors(string path)
    {
        using FileStream file = new(path + ".shifted", FileMode.Create), original = File.OpenRead(path);
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        original.ReadExactly(length);
        ulong header = BinaryPrimitives.ReadUInt64LittleEndian(length);
        BinaryPrimitives.WriteUInt64LittleEndian(length, header + 8);
        file.Write(length);
        byte[] json = new byte[header];
        original.ReadExactly(json);
        file.Write(json);
        file.Write("        "u8);
        original.CopyTo(file);
        File.Move(path + ".shifted", path, overwrite: true);
    }

    private double Measured(string what, Action action)
    {
        double cpu = Cpu();
        long start = Stopwatch.GetTimestamp();
        action();
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        output.WriteLine($"{what}: {seconds:F3} s, {Cpu() - cpu:F3} s of processor");
        return seconds;
    }

    private string WriteModel(string name, StoredType type, int layers)
    {
        using var scope = NewDisposeScope();
        string folder = _temp[name];
        var config =
            new DecoderConfig
            {
                VocabSize = 32000,
                HiddenSize = 1024,
                IntermediateSize = 2752,
                NumHiddenLayers = layers,
                NumAttentionHeads = 16,
                NumKeyValueHeads = 16,
                HeadDim = 64,
                MaxPositionEmbeddings = 2048,
                TieWordEmbeddings = true
            };
        Directory.CreateDirectory(folder);
        Tensor one = rand(32000 * 1024).to(type.Torch!.Value);
        var tensors = ModelFamily.Parameters(config)
            .Select(p => (p.Name, one.narrow(0, 0, p.Shape.Aggregate(1L, (a, b) => a * b)).view(p.Shape), type.Torch!.Value));
        SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.SingleName), tensors);
        File.WriteAllText(Path.Combine(folder, HfConfig.FileName), HfConfig.Create(config).TextFor(config));
        return folder;
    }

    /// <summary>Reads the whole file, piece after piece from the start of the buffer to its end, and from its start again.</summary>
    private static void Read(string path, byte[] buffer)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        for (int start = 0, read = -1; read != 0; start = (start + read) % buffer.Length)
        {
            read = file.Read(buffer, start, Math.Min(PieceBytes, buffer.Length - start));
        }
    }

    private static double Cpu() => Environment.CpuUsage.TotalTime.TotalSeconds;

    private static long Resident(string field)
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith(field, StringComparison.Ordinal));
        return long.Parse(line.AsSpan(field.Length + 1).Trim()[..^3], CultureInfo.InvariantCulture) * 1024;
    }
}
