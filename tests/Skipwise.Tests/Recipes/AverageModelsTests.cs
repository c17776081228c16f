using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Storage;
using Skipwise.Tests.Cli;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Recipes;

/// <summary>The average of a tuned model and its base: at its ends the models themselves, between them what a hand computes.</summary>
public sealed class AverageModelsTests(SmallModel model) : IClassFixture<SmallModel>, IDisposable
{
    private readonly TempFolder _folder = new();

    private string Out => _folder["out"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0.0), InlineData(1.0)]
    public void At_its_ends_it_is_one_of_the_models_to_the_bit(double weight)
    {
        string tuned = Tuned();
        AveragedModel average = Average(tuned, weight);
        Assert.False(average.LosesPrecision);
        using WeightFiles expected = WeightFiles.Open(weight == 0 ? model.Folder : tuned), found = WeightFiles.Open(Out);
        Assert.Equal(expected.Tensors.Keys.Order(StringComparer.Ordinal), found.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(expected.Tensors.Count, average.Tensors);
        Assert.All(expected.Tensors.Keys, name => Assert.Equal(Bytes(expected.Tensors[name]), Bytes(found.Tensors[name])));
    }

    [Fact]
    public void A_quarter_is_what_a_hand_computes()
    {
        string tuned = Tuned();
        Average(tuned, 0.25);
        using WeightFiles before = WeightFiles.Open(model.Folder), after = WeightFiles.Open(tuned), found = WeightFiles.Open(Out);
        Assert.All(found.Tensors.Keys, name =>
        {
            float[] one = Floats(before.Tensors[name]), other = Floats(after.Tensors[name]);
            Assert.Equal(one.Zip(other, (a, b) => (0.25f * b) + (0.75f * a)), Floats(found.Tensors[name]),
                (x, y) => Math.Abs(x - y) <= 1e-6f * Math.Max(1, Math.Abs(x)));
        });
    }

    /// <summary>Rows of a large tensor are read and written in pieces.</summary>
    [Fact]
    public void Pieces_of_a_tensor_are_the_tensor()
    {
        using (Tensor one = arange(3 * 5, ScalarType.Float32).reshape(3, 5), other = -one)
        {
            SafetensorsWriter.Write(Path.Combine(Directory.CreateDirectory(_folder["a"]).FullName, "model.safetensors"),
                [("x", one, ScalarType.Float32)]);
            SafetensorsWriter.Write(Path.Combine(Directory.CreateDirectory(_folder["b"]).FullName, "model.safetensors"),
                [("x", other, ScalarType.Float16)]);
        }
        foreach (long piece in (long[])[1, 5, 10, 14, 15, 100])
        {
            using var average = new WeightAverage(_folder["a"], _folder["b"], 0.25) { PieceElements = piece };
            string file = _folder[$"{piece}.safetensors"];
            SafetensorsWriter.Write(file, average.Tensors(TestContext.Current.CancellationToken));
            using SafetensorsFile found = SafetensorsFile.Open(file);
            Assert.Equal(ScalarType.Float16, found.Tensors["x"].Type.Torch);
            Assert.Equal(Enumerable.Range(0, 15).Select(i => 0.5f * i), Floats(new(found, found.Tensors["x"])));
            Assert.True(average.LosesPrecision);
        }
    }

    /// <summary>Neither model is in memory: what is made at a time are pieces of one tensor.</summary>
    [Fact]
    public void Memory_is_bounded_by_a_piece()
    {
        const int rows = 64, columns = 1024;
        foreach (string name in (string[])["a", "b"])
        {
            using Tensor values = ones(rows, columns);
            SafetensorsWriter.Write(Path.Combine(Directory.CreateDirectory(_folder[name]).FullName, "model.safetensors"),
                Enumerable.Range(0, 8).Select(i => ($"x{i}", values, ScalarType.Float32)));
        }
        using var average = new WeightAverage(_folder["a"], _folder["b"], 0.5) { PieceElements = 4 * columns };
        foreach (OutputTensor tensor in average.Tensors(TestContext.Current.CancellationToken))
        {
            using DisposeScope made = NewDisposeScope();
            int parts = 0;
            Tensor? last = null;
            foreach (Tensor part in tensor.Parts)
            {
                Assert.Equal([4, columns], part.shape);
                Assert.True(last?.IsInvalid ?? true); // the piece before is gone
                Assert.InRange(made.DisposablesCount, 0, 1);
                (last, parts) = (part, parts + 1);
            }
            Assert.Equal(rows / 4, parts);
        }
    }

    [Fact]
    public void Shards_are_read_back_as_one_model()
    {
        string tuned = Tuned();
        using var average = new WeightAverage(model.Folder, tuned, 0.5);
        string folder = Directory.CreateDirectory(_folder["shards"]).FullName;
        new SafetensorsFolder(folder) { ShardBytes = 4000 }.Write(average.Tensors(TestContext.Current.CancellationToken));
        Assert.True(Directory.GetFiles(folder, "*.safetensors").Length > 3);
        Average(tuned, 0.5);
        using WeightFiles one = WeightFiles.Open(Out), many = WeightFiles.Open(folder);
        Assert.All(one.Tensors.Keys, name => Assert.Equal(Bytes(one.Tensors[name]), Bytes(many.Tensors[name])));
    }

    [Fact]
    public void Rope_window_and_tokenizer_are_the_tuned_model_s()
    {
        string tuned = Tuned(new RopeOverrides { Type = RopeType.Linear, Factor = 4 });
        var notes = new List<string>();
        AverageModels.Run(new() { Model = model.Folder, Tuned = tuned, Weight = 0.5, Out = Out },
            new SynchronousProgress<string>(notes.Add), TestContext.Current.CancellationToken);
        foreach (string file in (string[])["config.json", "tokenizer.json"])
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(tuned, file)), File.ReadAllBytes(Path.Combine(Out, file)));
        }
        Assert.Contains($"rope and window are those of {tuned}", Assert.Single(notes));
        using PretrainedModel loaded = PretrainedModel.Load(new(Out));
        Assert.Equal(RopeType.Linear, loaded.Model.Config.Rope.Type);
        Assert.NotNull(FolderManifest.Find(Out));
    }

    [Theory]
    [InlineData("num_key_value_heads", "2", "num_key_value_heads is 1 and 2")]
    [InlineData("rms_norm_eps", "0.25", "norm_eps is")]
    public void Another_architecture_is_refused(string key, string value, string complaint)
    {
        string tuned = Tuned();
        string path = Path.Combine(tuned, "config.json");
        JsonNode config = JsonNode.Parse(File.ReadAllText(path))!;
        config[key] = JsonNode.Parse(value);
        File.WriteAllText(path, config.ToJsonString());
        Assert.Contains(complaint, Refused(tuned));
    }

    [Fact]
    public void Other_tensors_and_another_tokenizer_are_refused()
    {
        string tuned = Tuned();
        Rewrite(tuned, tensors => tensors.Skip(1));
        Assert.Contains("has no tensor model.embed_tokens.weight", Refused(tuned));
        tuned = Tuned();
        Rewrite(tuned, tensors => tensors.Select((tensor, i) =>
            i == 0 ? (tensor.Name, tensor.Value.narrow(0, 1, 5), tensor.Type) : tensor));
        Assert.Contains("tensor model.embed_tokens.weight: is [5, ", Refused(tuned));
        tuned = Tuned();
        string tokenizer = Path.Combine(tuned, "tokenizer.json"), text = File.ReadAllText(tokenizer);
        JsonNode json = JsonNode.Parse(text)!;
        JsonObject vocabulary = json["model"]!["vocab"]!.AsObject();
        string PieceOf(int id) => vocabulary.First(pair => (int)pair.Value! == id).Key;
        (string first, string second) = (PieceOf(300), PieceOf(301));
        (vocabulary[first], vocabulary[second]) = (301, 300);
        File.WriteAllText(tokenizer, json.ToJsonString());
        Assert.Contains("have different tokenizers", Refused(tuned));
        Assert.Contains("is the folder that is read", Assert.Throws<SkipwiseException>(() =>
            AverageModels.Run(new() { Model = model.Folder, Tuned = tuned, Weight = 1, Out = tuned })).Message);
        Assert.False(Directory.Exists(Out));
    }

    [Fact]
    public async Task The_command_writes_it_and_says_what_goes_together()
    {
        string tuned = Tuned();
        string[] line = ["merge", "-m", model.Folder, "-o", Out];
        (await CliRun.Of([.. line, "--tuned", tuned])).Complained("give --adapter, or --average and --tuned together");
        (await CliRun.Of([.. line, "--average", "0.5", "-a", tuned])).Complained("--average and --tuned together");
        (await CliRun.Of([.. line, "--average", "1.5", "--tuned", tuned])).Complained("--average is 1.5; it must be at most 1");
        CliRun run = (await CliRun.Of([.. line, "--average", "0.25", "--tuned", tuned, "--json"])).Succeeded();
        PublishedSchema.Validate("merge", run.Output);
        Assert.Contains("\"average\": 0.25", run.Output, StringComparison.Ordinal);
        (await CliRun.Of("generate", "-m", Out, "-p", "one", "--max-new-tokens", "2")).Succeeded();
    }

    /// <summary>The base model with other weights.</summary>
    private string Tuned(RopeOverrides? rope = null)
    {
        string folder = _folder[$"tuned-{Guid.NewGuid():n}"];
        using PretrainedModel tuned = PretrainedModel.Load(new(model.Folder, rope));
        using (no_grad())
        {
            foreach (var parameter in tuned.Model.parameters())
            {
                parameter.mul_(-1.5).add_(0.125);
            }
        }
        tuned.Save(folder);
        return folder;
    }

    private AveragedModel Average(string tuned, double weight) => AverageModels.Run(
        new() { Model = model.Folder, Tuned = tuned, Weight = weight, Out = Out }, null, TestContext.Current.CancellationToken);

    private string Refused(string tuned) => Assert.Throws<SkipwiseException>(() => Average(tuned, 0.5)).Message;

    private static void Rewrite(string folder, Func<IEnumerable<(string Name, Tensor Value, ScalarType Type)>,
        IEnumerable<(string Name, Tensor Value, ScalarType Type)>> change)
    {
        using DisposeScope scope = NewDisposeScope();
        string path = Path.Combine(folder, "model.safetensors");
        (string, Tensor, ScalarType)[] tensors;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
        {
            tensors = [.. file.Tensors.Values.Select(entry => (entry.Name, file.Read(entry), entry.Type.Torch!.Value))];
        }
        SafetensorsWriter.Write(path, change(tensors));
    }

    private static byte[] Bytes(StoredTensor stored)
    {
        byte[] bytes = new byte[stored.Entry.Length];
        stored.File.ReadBytes(stored.Entry, bytes);
        return bytes;
    }

    private static float[] Floats(StoredTensor stored)
    {
        using Tensor values = empty([.. stored.Entry.Shape], ScalarType.Float32);
        stored.File.ReadInto(stored.Entry, values);
        return values.data<float>().ToArray();
    }
}
