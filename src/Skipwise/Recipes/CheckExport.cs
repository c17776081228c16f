using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;

namespace Skipwise.Recipes;

/// <summary>What one program computes from an exported model.</summary>
/// <param name="Program">its name</param>
/// <param name="Passes">whether it runs the model as it was trained</param>
/// <param name="IsFault">whether it fails the check: it rotates otherwise without a word, or is the one that has to pass</param>
/// <param name="LargestRatio">of a pair's frequency in the program and in the model, the larger by the smaller; 1: all are equal; null: it
/// runs no such file, or rotates another number of dimensions</param>
/// <param name="AttentionScale">scale of cos and sin in the program, or null</param>
/// <param name="ExpectedScale">scale of cos and sin by the model, or null</param>
/// <param name="Note">why not; or how the rotation is expressed for it</param>
/// <param name="Differences">keys at fault, with what was found and expected</param>
internal sealed record CheckedProgram(string Program, bool Passes, bool IsFault, double? LargestRatio, double? AttentionScale,
    double? ExpectedScale, string Note, IReadOnlyList<string> Differences);

/// <summary>An exported model of any origin, compared with the model that it is of.</summary>
/// <param name="Path">its file or folder</param>
/// <param name="Architecture">general.architecture of a file, model_type of a folder</param>
/// <param name="Dtype">the type of most bytes: f32, f16, bf16, q8_0, q4_0 or another</param>
/// <param name="Tensors">number of tensors</param>
/// <param name="Bytes">of the weights' files</param>
/// <param name="Programs">those that read such a file or folder</param>
internal sealed record CheckedExport(string Path, string Architecture, string Dtype, int Tensors, long Bytes,
    IReadOnlyList<CheckedProgram> Programs)
{
    /// <summary>what belongs to a file that is no model, and was not checked; else null</summary>
    public string? Note { get; init; }

    /// <summary>whether no program is at fault</summary>
    public bool Passes => !Programs.Any(program => program.IsFault);
}

/// <summary>Checks, from what is written and by each program's own rule, that programs rotate by the frequencies that the model was trained
/// with. Weights are not compared.</summary>
internal static class CheckExport
{
    /// <param name="path">a GGUF file, or a Hugging Face folder, by Skipwise or another program</param>
    /// <param name="source">the model as it was trained, or the file or folder itself: then what Skipwise reads there</param>
    /// <param name="program">the one that has to pass; null: none may differ without a word</param>
    /// <exception cref="SkipwiseException">a file cannot be read, or no program asked for reads such a file</exception>
    public static CheckedExport Run(string path, ModelSource source, ExportTarget? program = null)
    {
        OptionCheck.Require("Check", source);
        DecoderConfig model = PretrainedModel.Architecture(source);
        return Directory.Exists(path) ? Folder(path, model, program) : Gguf(path, HfConfig.ForModel(source.Folder).Family, model, program);
    }

    private static CheckedExport Gguf(string path, ModelFamily family, DecoderConfig model, ExportTarget? program)
    {
        if (program is not (null or ExportTarget.LlamaCpp))
        {
            throw new SkipwiseException($"{path}: is a file for llama.cpp; other programs read Hugging Face folders");
        }
        using GgufFile gguf = GgufFile.Open(path);
        new GgufKeys(path, gguf.Values).RequireModel(); // an adapter's file has no RoPE
        GgufRopeCheck check = GgufRopeCheck.Compare(gguf, family.ModelType, model);
        string architecture = GgufRopeReader.ArchitectureOf(gguf);
        var result = new CheckedProgram("llama.cpp (GGUF)", check.IsEqual, !check.IsEqual, check.Rotation?.LargestRatio,
            check.Rotation?.Scale, check.Rotation?.ExpectedScale, $"architecture {architecture}", check.Differences);
        return new(path, architecture, TypeOf(gguf.Tensors.Values.Select(tensor => (tensor.Type.Name, tensor.Length))), gguf.Tensors.Count,
            new FileInfo(path).Length, [result]);
    }

    private static CheckedExport Folder(string path, DecoderConfig model, ExportTarget? program)
    {
        if (program is ExportTarget.LlamaCpp)
        {
            throw new SkipwiseException($"{path}: is a folder; llama.cpp reads GGUF files. Export the model to one, and check that");
        }
        using WeightFiles weights = WeightFiles.Open(path, asStored: true);
        string file = Path.Combine(path, HfConfig.FileName);
        var root = JsonSection.ReadFile(file);
        JsonObject raw = root.Json;
        var family = ModelFamily.FromModelType(root.OptionalString("model_type"), file);
        ExportVerdict[] verdicts = [.. ExportRoutes.Verdicts(raw, family, model).Where(verdict => verdict.Rotation is not null)];
        return new(path, family.ModelType,
            TypeOf(weights.Tensors.Values.Select(tensor => (tensor.Entry.Type.Name, tensor.Entry.Length))), weights.Tensors.Count,
            weights.Paths.Sum(weight => new FileInfo(weight).Length),
            [.. verdicts.Select(verdict => Checked(verdict, raw, family, model, IsFault(verdict)))]);

        // no harm is done in silence by a program that refuses the file, unless it is the one that has to run it, or none does
        bool IsFault(ExportVerdict verdict) => program is { } asked ? verdict.Program == asked && !verdict.Route.Possible
            : verdict.Rotation is { Runs: true, Differs: not null } || verdicts.All(other => !other.Route.Possible);
    }

    private static CheckedProgram Checked(ExportVerdict verdict, JsonObject raw, ModelFamily family, DecoderConfig model,
        bool isFault)
    {
        RotationDifference? rotation = verdict.Rotation!.Difference;
        IReadOnlyList<string> keys = verdict.Rotation.Differs is null ? [] : RopeKeysAtFault.Find(raw, family, model, verdict.Program);
        return new(verdict.Route.Engine, verdict.Route.Possible, isFault, rotation?.LargestRatio, rotation?.Scale,
            rotation?.ExpectedScale, verdict.Route.How, keys);
    }

    private static string TypeOf(IEnumerable<(string Name, long Length)> tensors) =>
        tensors.GroupBy(tensor => tensor.Name).MaxBy(named => named.Sum(tensor => tensor.Length))?.Key.ToLowerInvariant() ?? "none";
}
