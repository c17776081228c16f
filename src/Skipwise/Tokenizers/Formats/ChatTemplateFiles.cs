using Skipwise.Hub;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// Finds the chat templates of a model, as transformers does: chat_template.jinja with those in additional_chat_templates, else the key
/// chat_template of tokenizer_config.json, else that of chat_template.json; of a GGUF file its keys.
/// </summary>
internal static class ChatTemplateFiles
{
    /// <summary>Name of the template that is used unless another one is asked for.</summary>
    public const string Default = "default";

    private const string Key = "chat_template", Additional = "additional_chat_templates", Extension = ".jinja";

    /// <summary>The templates by name.</summary>
    /// <param name="model">a folder, or a file: GGUF, or one in the folder</param>
    /// <param name="check">is given each file that holds one template alone, before it is read</param>
    /// <exception cref="SkipwiseException">a file cannot be read, or two templates have one name</exception>
    public static IReadOnlyList<(string Name, string Text)> Read(string model, Action<string>? check = null)
    {
        model = ModelFolder.Resolve(model);
        if (GgufStart.IsAt(model))
        {
            return GgufVocabulary.Templates(GgufKeys.Read(model));
        }
        string folder = FolderOf(model);
        string alone = Path.Combine(folder, Key + Extension), others = Path.Combine(folder, Additional);
        string[] files = File.Exists(alone) ? [alone] : [];
        if (files.Length > 0 && Directory.Exists(others))
        {
            files = [alone, .. Directory.EnumerateFiles(others, "*" + Extension).Order(StringComparer.Ordinal)];
        }
        string NameOf(string file) => file == alone ? Default : Path.GetFileNameWithoutExtension(file);
        return files.Length > 0 ? [.. files.Select(file => (NameOf(file), Text(file, check)))]
            : In(Path.Combine(folder, "tokenizer_config.json")) is { Count: > 0 } templates ? templates
            : In(Path.Combine(folder, Key + ".json"));
    }

    /// <summary>The folder of a model that is a folder, or a file in it.</summary>
    public static string FolderOf(string model) => File.Exists(model) ? Path.GetDirectoryName(Path.GetFullPath(model))! : model;

    private static string Text(string file, Action<string>? check)
    {
        check?.Invoke(file);
        return InputFile.ReadText(file);
    }

    /// <summary>The templates under the key of a JSON file: a text, or a list of names and texts.</summary>
    private static IReadOnlyList<(string Name, string Text)> In(string file)
    {
        if (!File.Exists(file) || LocatedJson.Read(file).Find(Key) is not { } template)
        {
            return [];
        }
        if (!template.IsArray)
        {
            return [(Default, template.Text)];
        }
        var templates = new OrderedDictionary<string, string>();
        foreach (LocatedJson item in template.Items())
        {
            if (!templates.TryAdd(item.Get("name").Text, item.Get("template").Text))
            {
                throw item.Error("has the name of another template");
            }
        }
        return [.. templates.Select(item => (item.Key, item.Value))];
    }
}
