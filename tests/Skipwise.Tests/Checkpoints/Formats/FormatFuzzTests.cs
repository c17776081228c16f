using System.Text;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Formats.Llama2c;
using Skipwise.Checkpoints.Formats.Torch;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Models;
using Skipwise.Tests.Checkpoints.Formats.Llama2c;
using Skipwise.Tests.Checkpoints.Formats.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Formats;

/// <summary>Damaged files of every format but safetensors (<see cref="SafetensorsFuzzTests"/>). What once failed has a test of its own
/// beside its reader.</summary>
public sealed class FormatFuzzTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_damaged_archive_of_PyTorch_reads_or_is_refused()
    {
        string path = _temp["fuzz.bin"];
        byte[][] originals =
            [.. new[] { "protocol2", "protocol4",
                "zip64" }.Select(name => File.ReadAllBytes(Fixture.Path("formats", "torch-views", name + ".bin")))];
        int refused = Fuzz.Run(path, rng =>
        {
            byte[] original = rng.Pick(originals);
            int directory = original.AsSpan().IndexOf("PK\u0001\u0002"u8);
            return rng.Chance(0.5)
                ? Fuzz.Damage(original, rng, directory, original.Length)
                : Fuzz.Damage(original, rng, 0, original.Length);
        }, () => ReadAll(TorchFile.Open(path)), bytesPerByte: 100);
        Assert.InRange(refused, Fuzz.Mutations / 4, Fuzz.Mutations - 1);
    }

    /// <summary>The archive is whole, its pickle is not: damage reaches the reader of pickles every time.</summary>
    [Fact]
    public void A_damaged_pickle_reads_or_is_refused()
    {
        string path = _temp["fuzz.bin"];
        byte[][] pickles =
            [.. new[] { "protocol2", "protocol3",
                "protocol4" }.Select(name => PickleOf(Fixture.Path("formats", "torch-views", name + ".bin")))];
        byte[] floats = new byte[96], halves = new byte[12], longs = new byte[24], doubles = new byte[8];
        byte[] operations =
            [.. "(ct.}]qhjRrtbeuasQXKMJNG02)iolPVIFSdgp"u8, 0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x8C, 0x8D, 0x93, 0x94, 0x95,
                0x82, 0x92];
        string[] names =
            ["cos\nsystem\n", "cbuiltins\neval\n", "ctorch._utils\n_rebuild_tensor_v2\n", "ccollections\nOrderedDict\n",
                "ctorch\nFloatStorage\n", "ctorch._utils\n_rebuild_parameter\n"];
        int refused = Fuzz.Run(path, rng =>
        {
            byte[] pickle = rng.Pick(pickles);
            for (int i = rng.Between(1, 3); i > 0; i--)
            {
                int at = (int)rng.Below(pickle.Length);
                pickle = rng.Below(4) switch
                {
                    0 => Fuzz.Damage(pickle, rng, 2, pickle.Length, 1),
                    1 => [.. pickle[..at], rng.Pick(operations), .. pickle[at..]],
                    2 => [.. pickle[..at], rng.Pick(operations), .. pickle[(at + 1)..]],
                    _ => [.. pickle[..at], .. Encoding.UTF8.GetBytes(rng.Pick(names)), .. pickle[at..]],
                };
                if (pickle.Length == 0)
                {
                    break;
                }
            }
            return RawTorch.Archive(pickle, ("data/0", floats), ("data/1", halves), ("data/2", longs), ("data/3", doubles));
        }, () => ReadAll(TorchFile.Open(path)), bytesPerByte: 100);
        Assert.InRange(refused, Fuzz.Mutations / 2, Fuzz.Mutations - 1);
    }

    [Fact]
    public void A_damaged_checkpoint_of_llama2c_reads_or_is_refused()
    {
        using CausalLM model = TinyModel.Create(vocabulary: 8, tied: true);
        byte[][] originals = [RawLlama2c.Write(model, 0), RawLlama2c.Write(model, 1)];
        string path = _temp["fuzz.bin"];
        int refused = Fuzz.Run(path, rng => Fuzz.Damage(rng.Pick(originals), rng, 0, 40), () =>
        {
            _ = HfConfig.ForModel(path);
            ReadAll(Llama2cFile.Open(path));
        }, bytesPerByte: 20);
        Assert.InRange(refused, Fuzz.Mutations / 2, Fuzz.Mutations - 1);
    }

    [Theory]
    [InlineData("sharded-safetensors-f16", "model.safetensors.index.json"),
        InlineData("sharded-pytorch-bin-f16", "pytorch_model.bin.index.json")]
    public void A_damaged_index_reads_or_is_refused(string fixture, string name)
    {
        string folder = _temp.Copy(Fixture.Path("formats", fixture), "model"), path = Path.Combine(folder, name);
        byte[] original = File.ReadAllBytes(path);
        int refused = Fuzz.Run(path, rng => Fuzz.DamageText(original, rng), () => WeightFiles.Open(folder).Dispose(), bytesPerByte: 300);
        Assert.InRange(refused, Fuzz.Mutations / 4, Fuzz.Mutations - 1);
    }

    [Fact]
    public void A_damaged_adapter_reads_or_is_refused()
    {
        string folder = _temp["adapter"], config = Path.Combine(folder, LoraConfig.FileName);
        using (var scope = NewDisposeScope())
        {
            var settings =
                new LoraConfig
                {
                    Rank = 2,
                    Alpha = 4,
                    TargetModules = ["q_proj"],
                    AlphaPattern = new Dictionary<string, double> { ["layers\\.0\\..*"] = 2 },
                    RankPattern = new Dictionary<string, double> { ["v_proj"] = 2 }
                };
            new LoraAdapter(settings,
                [new("model.layers.0.self_attn.q_proj.weight", ones(2, 8), ones(8, 2), 2),
                    new("model.layers.1.self_attn.v_proj.weight", ones(2, 8), ones(4, 2), 2)],
                    [("lm_head.weight", ones(4, 8))]).Write(folder);
        }
        byte[] original = File.ReadAllBytes(config);
        int refused = Fuzz.Run(config, rng => Fuzz.DamageText(original, rng), () => LoraAdapter.Read(folder).Dispose(), bytesPerByte: 1000);
        Assert.InRange(refused, Fuzz.Mutations / 4, Fuzz.Mutations - 1);

        File.WriteAllBytes(config, original);
        string weights = Path.Combine(folder, "adapter_model.safetensors");
        byte[] tensors = File.ReadAllBytes(weights);
        int headerEnd = 8 + BitConverter.ToInt32(tensors);
        refused = Fuzz.Run(weights, rng => Fuzz.Damage(tensors, rng, 0, headerEnd), () => LoraAdapter.Read(folder).Dispose(),
            bytesPerByte: 200);
        Assert.InRange(refused, Fuzz.Mutations / 2, Fuzz.Mutations - 1);
    }

    /// <summary>Reads every tensor, in its stored type and as float32.</summary>
    private static void ReadAll(TensorFile opened)
    {
        using TensorFile file = opened;
        using var scope = NewDisposeScope();
        long length = new FileInfo(file.Path).Length;
        foreach (TensorEntry entry in file.Tensors.Values)
        {
            Assert.True(entry.Offset >= 0 && entry.Length >= 0 && entry.Offset + entry.Length <= length,
                $"{entry.Name} lies outside the file");
            using Tensor tensor = file.Read(entry);
            Assert.True(tensor.numel() * entry.Type.Size <= length, $"{entry.Name} takes more memory than the file has bytes");
        }
    }

    private static byte[] PickleOf(string archive)
    {
        using System.IO.Compression.ZipArchive zip = System.IO.Compression.ZipFile.OpenRead(archive);
        using Stream stream = zip.GetEntry("archive/data.pkl")!.Open();
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}
